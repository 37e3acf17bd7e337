using System.Text.Json.Serialization;

namespace ExpoCluster.Core.Hub;

[JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n")]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class HubPinsJson : JsonSerializerContext;
