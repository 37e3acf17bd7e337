using System.Collections.Immutable;

namespace ExpoCluster.Core.Hub;

/// <summary>A model at one commit, as far as it is known.</summary>
/// <param name="Reference">As the user wrote it.</param>
/// <param name="Commit">What it means.</param>
/// <param name="Listing">All its files; null where only the cache was asked, and that has all that is needed.</param>
/// <param name="IsCurrent">The Hub was asked just now what the reference means.</param>
/// <param name="Notes">What the user should know about how it was found.</param>
internal sealed record HubSnapshot(
    HubReference Reference, HubCommit Commit, HubListing? Listing, bool IsCurrent, ImmutableArray<string> Notes);
