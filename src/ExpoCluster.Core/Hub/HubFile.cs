namespace ExpoCluster.Core.Hub;

/// <summary>One file of a commit, as the Hub lists it.</summary>
/// <param name="Commit">Where it belongs.</param>
/// <param name="Path">Relative to the repository, with <c>/</c> between folders.</param>
/// <param name="ByteLength">Of the file itself, also where git holds only a pointer to it.</param>
/// <param name="GitOid">SHA-1 that git has for the file or its pointer; empty where only a plan's name of the file is at hand.</param>
/// <param name="Sha256">Of the content of a large file; null for those that lie in git themselves.</param>
public sealed record HubFile(HubCommit Commit, string Path, long ByteLength, string GitOid, string? Sha256)
{
    /// <summary>The name of its blob in the cache, and the digest that its content must have.</summary>
    public string Etag => Sha256 ?? GitOid;

    /// <summary>How plans, provenance and errors name the file: <c>hf:org/name@commit/file</c>.</summary>
    public string Name => $"{Commit}/{Path}";

    /// <summary>The file that a plan names so. Its digest is not known; its commit and length are.</summary>
    internal static HubFile OfPlan(string name, long byteLength)
    {
        string rest = name[HubReference.Prefix.Length..];
        int at = rest.IndexOf('@', StringComparison.Ordinal);
        int slash = rest.IndexOf('/', at);
        return new HubFile(new HubCommit(rest[..at], rest[(at + 1)..slash]), rest[(slash + 1)..], byteLength, GitOid: "", Sha256: null);
    }
}
