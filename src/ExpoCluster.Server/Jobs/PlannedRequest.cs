using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Server.Jobs;

/// <summary>What a request would do.</summary>
/// <param name="Merge">The plan.</param>
/// <param name="Needs">What has to be fetched from the Hub for it; null where no model of the Hub is involved.</param>
public sealed record PlannedRequest(PlannedMerge Merge, HubNeeds? Needs);
