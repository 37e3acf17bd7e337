using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Server.Jobs;

/// <summary>What a request would do.</summary>
/// <param name="Request">What was asked for.</param>
/// <param name="Merge">The plan.</param>
/// <param name="Needs">What has to be fetched from the Hub for it; null where no model of the Hub is involved.</param>
public sealed record PlannedRequest(JobRequest Request, PlannedMerge Merge, HubNeeds? Needs)
{
    /// <summary>Of the output directory; null where none was named.</summary>
    internal OutputCondition? Condition { get; init; }

    /// <summary>What the output would not fit on; null where it fits.</summary>
    internal StorageException? Full { get; init; }
}
