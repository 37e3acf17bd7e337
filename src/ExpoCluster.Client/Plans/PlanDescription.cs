using ExpoCluster.Client.Jobs;

namespace ExpoCluster.Client.Plans;

/// <summary>What a merge would do.</summary>
public sealed record PlanDescription
{
    public required string Digest { get; init; }

    public required string Method { get; init; }

    public required string Numerics { get; init; }

    /// <summary>Null where alpha depends on the tensor, and in a sweep.</summary>
    public double? Alpha { get; init; }

    /// <summary>How many tensors each alpha has.</summary>
    public required IReadOnlyList<PlannedAlpha> Alphas { get; init; }

    public required string Base { get; init; }

    public required string Aligned { get; init; }

    /// <summary>The output directory; null where none was given.</summary>
    public string? Output { get; init; }

    public required IReadOnlyList<PlannedOutputFile> Files { get; init; }

    public required PlannedTensors Tensors { get; init; }

    public long Parameters { get; init; }

    public int Parts { get; init; }

    public long BytesRead { get; init; }

    public long BytesWritten { get; init; }

    /// <summary>Disk space that the merge takes while it runs, with what is fetched where that goes to the same file system.</summary>
    public long DiskNeeded { get; init; }

    /// <summary>Where the output goes; null without output.</summary>
    public long? DiskFree { get; init; }

    public string? FileSystem { get; init; }

    /// <summary>Space is reserved before the first byte is computed; null without output.</summary>
    public bool? Reserved { get; init; }

    /// <summary>What is fetched from the Hub; null where no model of the Hub is involved.</summary>
    public PlannedTransfers? Hub { get; init; }

    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>What speaks against the merge, though it can be done.</summary>
    public IReadOnlyList<MergeWarning> Warnings { get; init => field = value ?? []; } = [];

    /// <summary>What is computed of each output; null where a server does not say.</summary>
    public MergedBytes? Merged { get; init; }

    /// <summary>What is copied of each output; null where a server does not say.</summary>
    public CopiedBytes? Copied { get; init; }
}

/// <summary>What has to be fetched from the Hub for a plan.</summary>
/// <param name="Base">The reference with the commit that it means.</param>
/// <param name="Aligned">The reference with the commit that it means.</param>
/// <param name="Cache">Where it goes.</param>
/// <param name="CachedBytes">Of what is there.</param>
/// <param name="DownloadBytes">Of what is not.</param>
/// <param name="DownloadFiles">How many files that are.</param>
/// <param name="DiskNeeded">Disk space that it still takes.</param>
/// <param name="DiskFree">Where the cache is.</param>
public sealed record PlannedTransfers(
    string Base, string Aligned, string Cache, long CachedBytes, long DownloadBytes, int DownloadFiles, long DiskNeeded, long DiskFree);

/// <summary>An alpha and its tensors.</summary>
public sealed record PlannedAlpha(double Alpha, int Tensors);

/// <summary>An output file of a plan.</summary>
public sealed record PlannedOutputFile(string Name, long Bytes, int Tensors, int Parts);

/// <summary>What becomes of the tensors.</summary>
/// <param name="Total">All.</param>
/// <param name="Extrapolated">By the formula.</param>
/// <param name="Copied">From aligned, as they are.</param>
/// <param name="InPart">Names of those of which base has fewer rows.</param>
/// <param name="Dtypes">Of the output.</param>
public sealed record PlannedTensors(int Total, int Extrapolated, int Copied, IReadOnlyList<string> InPart, IReadOnlyList<string> Dtypes);
