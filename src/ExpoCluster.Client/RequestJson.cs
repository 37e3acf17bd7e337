using System.Text.Json.Serialization;
using ExpoCluster.Client.Jobs;

namespace ExpoCluster.Client;

/// <summary>What a client sends: a key without a value is left out, for a recipe's null would be an empty value.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RecipeRequest))]
internal sealed partial class RequestJson : JsonSerializerContext;
