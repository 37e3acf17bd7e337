using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Cluster.Work;

/// <summary>How a worker behaves on this node.</summary>
public sealed record WorkerSettings
{
    /// <summary>Computing threads.</summary>
    public required int Lanes { get; init; }

    /// <summary>Output bytes per second of this process; null for no limit.</summary>
    public long? MaxBytesPerSecond { get; init; }

    /// <summary>How inputs are read, but for those of network file systems, which are never mapped unless that is asked for.</summary>
    public ReadMode Reads { get; init; } = ReadMode.Automatic;

    /// <summary>What was begun before the worker was there, and the lanes that are at it; null where it begins with nothing.</summary>
    public HeadStart? HeadStart { get; init; }

    /// <summary>What this process has seen of the inputs when it planned the merge; null where it has not.</summary>
    public SeenInputs? Seen { get; init; }

    /// <summary>The way to the Hub and to the cache that all nodes share; null where inputs of the Hub are read straight through.</summary>
    public HubSession? Hub { get; init; }

    /// <summary>Files that are fetched at once.</summary>
    public int MaxTransfers { get; init; } = 2;

    /// <summary>How long a lane waits for a staging file to appear: attribute caches of shared storage hold names back.</summary>
    public TimeSpan OpenPatience { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>A report that was not acknowledged is made again after this time.</summary>
    public TimeSpan RepeatInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often leases are renewed.</summary>
    public TimeSpan RenewInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>A request for parts that nobody answered is made again after this time.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Nobody else is asked for so long after a request.</summary>
    public TimeSpan AnswerPatience { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>With so many reports unacknowledged, no more parts are asked for.</summary>
    public int MaxUnacknowledged { get; init; } = 256;

    /// <summary>What computes.</summary>
    public LanePool StartLanes(TimeProvider clock) =>
        new(Lanes, MaxBytesPerSecond is { } limit ? new RateLimit(limit, clock) : null, OpenPatience);
}
