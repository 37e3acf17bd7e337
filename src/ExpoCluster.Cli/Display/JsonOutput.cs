using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using ExpoCluster.Client;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Display;

/// <summary>The one JSON object that a command prints on standard output.</summary>
internal static class JsonOutput
{
    private static readonly JsonSerializerOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    public static void Write(JsonObject value) => Console.Out.WriteLine(value.ToJsonString(Options));

    public static JsonArray Strings(IEnumerable<string> values) => [.. values.Select(value => (JsonNode)value)];

    /// <summary>An error as JSON: code, message, and every problem where there are several.</summary>
    public static JsonObject Of(ExpoException exception) => new()
    {
        ["status"] = "failed",
        ["code"] = exception.Code,
        ["message"] = exception.Message,
        ["problems"] = new JsonArray([.. ProblemDetails.Of(exception)
            .Select(problem => JsonSerializer.SerializeToNode(problem, ContractJson.Default.ProblemDetail))]),
    };
}
