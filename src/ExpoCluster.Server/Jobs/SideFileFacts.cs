using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Server.Jobs;

/// <summary>What a submission says of the files that are published beside the weights.</summary>
internal static class SideFileFacts
{
    /// <param name="merge">What is submitted.</param>
    /// <param name="list">Its side files; null where there are none.</param>
    public static PlannedSideFilesFact Of(PlannedMerge merge, SideFileList? list)
    {
        var needs = OutputNeeds.Of(merge);
        return new PlannedSideFilesFact { ListDigest = list?.Digest ?? "", Count = needs.BesideCount, ByteLength = needs.BesideBytes };
    }
}
