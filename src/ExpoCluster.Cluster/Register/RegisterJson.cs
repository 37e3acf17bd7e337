using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace ExpoCluster.Cluster.Register;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RegisterFacts))]
[JsonSerializable(typeof(ImmutableArray<RegisterFile>))]
internal sealed partial class RegisterJson : JsonSerializerContext;
