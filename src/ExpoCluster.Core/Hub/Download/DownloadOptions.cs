namespace ExpoCluster.Core.Hub.Download;

/// <summary>How a download is run; none of it changes what is in the cache in the end.</summary>
public sealed record DownloadOptions
{
    /// <summary>Requests under way at once, over all files.</summary>
    public int Connections { get; init; } = 8;

    /// <summary>Bytes of one request at most.</summary>
    public int RequestBytes { get; init; } = 32 << 20;

    /// <summary>Bytes of what is recorded as complete at once, and so what a crash loses at most for each connection.</summary>
    public int RangeBytes { get; init; } = 4 << 20;

    /// <summary>Told of every sign of life: bytes that come, a digest that is computed, a wait for somebody else who downloads the file.</summary>
    public Action? Active { get; init; }

    /// <summary>How often progress is told.</summary>
    public TimeSpan ProgressInterval { get; init; } = TimeSpan.FromMilliseconds(200);
}
