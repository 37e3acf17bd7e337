namespace ExpoCluster.TestHub;

/// <summary>What a request asks for, read from its raw target, in which an escaped slash is still escaped.</summary>
/// <param name="Place">Which part of the Hub.</param>
/// <param name="Repository">For example <c>org/name</c>.</param>
/// <param name="Revision">Unescaped.</param>
/// <param name="Path">Of a file; empty for questions about the whole.</param>
internal sealed record Target(Place Place, string Repository, string Revision, string Path)
{
    public static Target? Parse(string rawTarget, bool isStorage)
    {
        string[] parts = rawTarget.Split('?')[0].TrimStart('/').Split('/');
        string Rest(int from) => Uri.UnescapeDataString(string.Join('/', parts[from..]));
        string Name(int from) => $"{parts[from]}/{parts[from + 1]}";
        return parts switch
        {
            _ when isStorage => new Target(Place.Storage, "", "", parts[0]),
            ["api", "models", _, _, "revision", var revision] => new Target(Place.Revision, Name(2), Uri.UnescapeDataString(revision), ""),
            ["api", "models", _, _, "tree", var revision] => new Target(Place.Tree, Name(2), Uri.UnescapeDataString(revision), ""),
            ["api", "resolve-cache", "models", _, _, var revision, ..] => new Target(Place.Content, Name(3), revision, Rest(6)),
            [_, _, "resolve", var revision, ..] => new Target(Place.Resolve, Name(0), Uri.UnescapeDataString(revision), Rest(4)),
            _ => null,
        };
    }
}
