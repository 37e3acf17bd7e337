using System.Text.Json;
using System.Text.Json.Serialization;

namespace ExpoCluster.Core.Checkpoints.Understanding;

[JsonSerializable(typeof(JsonElement))]
internal sealed partial class ConfigFactsJson : JsonSerializerContext;
