using System.Text.Json;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.SideFiles;

/// <summary>A small JSON file of somebody else's format, about which something is to be told and nothing refused.</summary>
internal static class JsonObjectFile
{
    /// <summary>What a question to the object gives.</summary>
    /// <param name="json">The content of the file.</param>
    /// <param name="ask">The question.</param>
    /// <param name="otherwise">The answer where the content is no JSON object.</param>
    public static T Ask<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T> ask, T otherwise)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(PythonJson.InStrictForm(json.Span));
            return document.RootElement.ValueKind == JsonValueKind.Object ? ask(document.RootElement) : otherwise;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // By an invalid operation the reader says that a key is no Unicode text.
            return otherwise;
        }
    }
}
