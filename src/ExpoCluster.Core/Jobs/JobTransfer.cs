using ExpoCluster.Core.Hub;

namespace ExpoCluster.Core.Jobs;

/// <summary>A file of the Hub that a job needs in the cache.</summary>
/// <param name="Name">As plans name it: <c>hf:org/name@commit/file</c>.</param>
/// <param name="ByteLength">Of the file.</param>
/// <param name="GitOid">SHA-1 that git has for the file or its pointer.</param>
/// <param name="Sha256">Of the content of a large file; null for those that lie in git themselves.</param>
public sealed record JobTransfer(string Name, long ByteLength, string GitOid, string? Sha256)
{
    /// <summary>The cache had it when the job was planned.</summary>
    public bool WasThere { get; init; }

    /// <summary>What the Hub's client and the cache call it.</summary>
    public HubFile File => HubFile.OfPlan(Name, ByteLength) with { GitOid = GitOid, Sha256 = Sha256 };

    public static JobTransfer Of(HubFile file, bool isThere) => new(file.Name, file.ByteLength, file.GitOid, file.Sha256) { WasThere = isThere };
}
