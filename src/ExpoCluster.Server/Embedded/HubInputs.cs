using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Embedded;

/// <summary>An embedded merge whose inputs may be models of the Hub: what they mean is remembered, and they are brought here first.</summary>
public sealed class HubInputs(Recipe recipe, OutputPaths paths, EmbeddedMergeOptions options)
{
    public OutputPaths Paths => paths;

    /// <summary>Plans, with the commits that an interrupted merge into this output began with.</summary>
    /// <param name="notice">Told when the Hub makes us wait.</param>
    public PlannedMerge Plan(Action<string> notice) => Plan(recipe, options.Restart ? null : paths, notice, options.Planning).WithoutTensors();

    /// <param name="recipe">What to merge.</param>
    /// <param name="interrupted">Where an interrupted merge may lie; null to pay no heed to one.</param>
    /// <param name="notice">Told when the Hub makes us wait.</param>
    /// <param name="planning">How it is planned; null for as usual.</param>
    public static PlannedMerge Plan(Recipe recipe, OutputPaths? interrupted, Action<string> notice, PlanOptions? planning = null)
    {
        if (!IsInvolvedIn(recipe))
        {
            return Planner.Plan(recipe, options: planning);
        }

        HubSession session = HubSession.Shared;
        session.Client.Notice = notice;
        if (interrupted is not null)
        {
            HubPins.Recall(interrupted, session);
        }

        return Planner.Plan(recipe, session, options: planning);
    }

    /// <summary>Something that the plan needs is not in the cache, and the output is not there already.</summary>
    public bool NeedsDownload(PlannedMerge merge) =>
        HubNeeds.IsInvolvedIn(merge)
        && !HubNeeds.Of(merge, HubSession.Shared)!.Missing.IsEmpty
        && (options.Restart || OutputPreflight.Inspect(paths, merge, recipe) != OutputCondition.Finished);

    /// <summary>Downloads what is missing and plans anew, from the cache; null when it was interrupted.</summary>
    /// <exception cref="ExpoException">It was refused, or the Hub or the storage failed.</exception>
    public async Task<PlannedMerge?> DownloadAsync(PlannedMerge merge, Action<JobProgress> progress, CancellationToken interrupt)
    {
        HubSession session = HubSession.Shared;
        HubNeeds needs = HubNeeds.Of(merge, session)!;
        CheckPlace(paths, merge);
        PublishPreflight.CheckDirectories(paths);

        // Nobody should wait for a hundred gigabytes to be told that the output was refused from the start.
        using OutputClaim claim = OutputClaim.Acquire(paths);
        try
        {
            EmbeddedMerge.CheckOutput(paths, OutputPreflight.Inspect(paths, merge, recipe), options, isResumed: claim.Previous is not null);
            CheckPublishing(paths, merge, options.Overwrite || options.Restart);
            needs.CheckSpace(paths, File.Exists(paths.Journal) ? 0 : OutputNeeds.Of(merge).Bytes);
            HubPins.Keep(paths, session.Pins);
            HubNeeds.Record(merge);
        }
        catch (ExpoException) when (claim.Previous is null && !File.Exists(paths.HubPins))
        {
            claim.RemoveWorkspace();
            throw;
        }

        try
        {
            await new HubDownload(session, new DownloadOptions())
                .RunAsync(needs.Missing, now => progress(Describe(now)), interrupt).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (interrupt.IsCancellationRequested)
        {
            return null;
        }

        return Planner.Plan(recipe, session, options: options.Planning);
    }

    /// <param name="merge">What to do.</param>
    /// <param name="progress">Told several times a second.</param>
    /// <param name="notice">Told what whoever runs the merge should know.</param>
    /// <param name="dashboard">Told where this merge can be seen; null to serve nothing.</param>
    /// <param name="interrupt">Finishes what is under way and stops.</param>
    public Task<MergeOutcome> MergeAsync(
        PlannedMerge merge, Action<JobProgress> progress, Action<string> notice, Action<Uri>? dashboard, CancellationToken interrupt)
    {
        EmbeddedMergeOptions shown = options with { Dashboard = dashboard, Notice = notice };
        return new EmbeddedMerge(merge.Pinned(recipe), paths, IsInvolvedIn(recipe) ? shown with { HubPins = HubSession.Shared.Pins } : shown)
            .RunAsync(merge, progress, interrupt);
    }

    /// <summary>Leaves beside the work what a later run needs: which commits it was begun with, and side files that are nowhere else.</summary>
    internal static async Task LeaveInWorkspaceAsync(
        PlannedMerge merge, OutputPaths paths, IReadOnlyDictionary<string, HubCommit> pins, CancellationToken cancellation)
    {
        if (pins.Count > 0)
        {
            HubPins.Keep(paths, pins);
        }

        await HubSideFiles.BringAsync(merge.Aligned, paths, cancellation).ConfigureAwait(false);
    }

    /// <summary>Throws when the output must not, or cannot, lie where it should.</summary>
    public static void CheckPlace(OutputPaths paths, PlannedMerge merge)
    {
        OutputPlace.Demand(paths);
        if ((OutputPreflight.FindOverlap(paths, [merge.Base, merge.Aligned]) ?? OutputPreflight.FindMisplaced(paths, HubEnvironment.CacheOfProcess())) is { } problem)
        {
            throw new UsageException(problem);
        }

        JournalFile.CheckPath(paths.Journal);
    }

    /// <summary>Throws when the files could not get their final names there, as far as that is known before any work.</summary>
    public static void CheckPublishing(OutputPaths paths, PlannedMerge merge, bool overwrite)
    {
        if (PublishPreflight.FindObstacle(paths, merge, overwrite) is { } obstacle)
        {
            throw new UsageException(obstacle);
        }

        PublishPreflight.CheckRights(paths, merge, overwrite);
    }

    private static bool IsInvolvedIn(Recipe recipe) => HubReference.Matches(recipe.Base) || HubReference.Matches(recipe.Aligned);

    private static JobProgress Describe(DownloadProgress now)
    {
        var progress = new JobProgress { State = JobStates.Transferring };
        progress.Transfers.AddRange(now.Files.Select(file => new TransferProgress
        {
            Name = file.Name, ByteLength = file.ByteLength, BytesDone = file.BytesDone, Done = file.BytesDone == file.ByteLength,
        }));
        return progress;
    }
}
