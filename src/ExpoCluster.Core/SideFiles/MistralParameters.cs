namespace ExpoCluster.Core.SideFiles;

/// <summary><c>params.json</c> of Mistral's own format, by which its loaders find <c>consolidated.safetensors</c> beside it.</summary>
internal static class MistralParameters
{
    public const string FileName = "params.json";

    /// <summary>True for a file of that format; others of that name belong to something else.</summary>
    public static bool IsOne(ReadOnlyMemory<byte> json) => JsonObjectFile.Ask(
        json,
        root => root.TryGetProperty("dim", out _) && root.TryGetProperty("n_layers", out _) && root.TryGetProperty("n_heads", out _),
        otherwise: false);
}
