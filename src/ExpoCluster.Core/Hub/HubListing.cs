using System.Collections.Immutable;

namespace ExpoCluster.Core.Hub;

/// <summary>All files of one commit.</summary>
public sealed record HubListing(HubCommit Commit, ImmutableArray<HubFile> Files)
{
    public HubFile? Find(string path) => Files.FirstOrDefault(file => file.Path == path);
}
