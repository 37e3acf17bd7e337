using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>Finds what a reference means: a commit is looked for in the cache first, a branch is asked for at the Hub.</summary>
internal sealed class HubLookup(HubSession session)
{
    private bool IsOffline => session.Environment.IsOffline;

    public async Task<HubSnapshot> FindAsync(HubReference reference, HubCommit? pin, CancellationToken cancellation)
    {
        pin ??= reference.IsPinned ? new HubCommit(reference.Repository, reference.Revision!) : null;
        return pin is null
            ? await FindBranchAsync(reference, cancellation).ConfigureAwait(false)
            : await FindCommitAsync(reference, pin, cancellation).ConfigureAwait(false);
    }

    private async Task<HubSnapshot> FindCommitAsync(HubReference reference, HubCommit commit, CancellationToken cancellation)
    {
        HubListing? listing = session.Cache.ReadListing(commit);
        if (listing is null && !HasCheckpoint(commit))
        {
            listing = await ListAsync(reference, commit, cancellation).ConfigureAwait(false);
        }

        return new HubSnapshot(reference, commit, listing, IsCurrent: false, []);
    }

    private async Task<HubSnapshot> FindBranchAsync(HubReference reference, CancellationToken cancellation)
    {
        HubCommit? cached = session.Cache.ReadRef(reference.Repository, reference.RevisionOrDefault);
        if (IsOffline)
        {
            return cached is null ? throw NotCached(reference) : await FindCommitAsync(reference, cached, cancellation).ConfigureAwait(false);
        }

        try
        {
            // With a cached answer at hand nobody waits for a Hub that is away.
            HubCommit commit = await session.Client.ResolveAsync(reference, cached is null ? HubWaits.MaxRetries : 0, cancellation).ConfigureAwait(false);
            HubListing listing = session.Cache.ReadListing(commit) ?? await session.Client.ListAsync(commit, cancellation).ConfigureAwait(false);
            return new HubSnapshot(reference, commit, listing, IsCurrent: true, []);
        }
        catch (HubException exception) when (!exception.IsFinal && cached is not null && IsUsable(cached))
        {
            string note = $"{reference}: the Hub could not be asked ({exception.Problem}); the cached commit {cached.Sha[..12]} is used.";
            return new HubSnapshot(reference, cached, session.Cache.ReadListing(cached), IsCurrent: false, [note]);
        }
    }

    private async Task<HubListing> ListAsync(HubReference reference, HubCommit commit, CancellationToken cancellation) =>
        IsOffline ? throw NotCached(reference) : await session.Client.ListAsync(commit, cancellation).ConfigureAwait(false);

    private bool IsUsable(HubCommit commit) => session.Cache.ReadListing(commit) is not null || HasCheckpoint(commit);

    // Whether everything is there that opening it would read. Without the Hub's list nobody can say more.
    private bool HasCheckpoint(HubCommit commit)
    {
        string directory = session.Cache.Snapshot(commit);
        try
        {
            return Directory.Exists(directory) && CheckpointLocation.Of(new LocalFolder(directory, holdsModel: true), directory).IsComplete;
        }
        catch (ExpoException)
        {
            return false;
        }
    }

    private HubException NotCached(HubReference reference) =>
        HubErrors.MissingInCache(reference.ToString(), session.Cache.Directory, "HF_HUB_OFFLINE forbids asking the Hub");
}
