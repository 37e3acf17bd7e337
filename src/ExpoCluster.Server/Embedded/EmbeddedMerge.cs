using System.Globalization;
using System.Security.Cryptography;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Server.Nodes;
using ExpoCluster.Tensors;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Server.Embedded;

/// <summary>A merge in this process: an Akka cluster of one, its journal beside the output, gone when the output is published.</summary>
public sealed class EmbeddedMerge(Recipe recipe, OutputPaths paths, EmbeddedMergeOptions options)
{
    // The Hub may ask to wait for minutes, and a process of its own cannot lose a part to another.
    private static readonly TimeSpan RemoteLeaseDuration = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(3);

    private ReadMode reads = options.Reads;

    // As the journal has it; null for a merge that begins.
    private JobState? resumed;

    /// <summary>Runs, or resumes, the merge until it is published or stopped.</summary>
    /// <param name="merge">What to do.</param>
    /// <param name="progress">Told several times a second.</param>
    /// <param name="interrupt">Finishes what is under way and stops.</param>
    /// <exception cref="ExpoException">The merge was refused before any work.</exception>
    public async Task<MergeOutcome> RunAsync(PlannedMerge merge, Action<JobProgress> progress, CancellationToken interrupt)
    {
        try
        {
            return await RunUnguardedAsync(merge, progress, interrupt).ConfigureAwait(false);
        }
        catch (Exception exception) when (MemoryShortage.Of(exception) is { } shortage)
        {
            throw shortage;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Whatever call the storage refused: it is the storage that is to be looked at.
            throw StorageException.From(exception, paths.Root, "work there");
        }
    }

    private async Task<MergeOutcome> RunUnguardedAsync(PlannedMerge merge, Action<JobProgress> progress, CancellationToken interrupt)
    {
        using EmbeddedEngine engine = options.Engine ?? EmbeddedEngine.Begin(paths);
        reads = MemoryShortage.ModeWithin(merge.Plan, options.Lanes, options.Reads, AddressSpace.FindLeft());
        HubInputs.CheckPlace(paths, merge);
        PublishPreflight.CheckDirectories(paths);
        using OutputClaim claim = OutputClaim.Acquire(paths);
        ClaimRecord? earlier = claim.Previous;
        merge = AsBegun(merge, options.Restart ? null : earlier);
        Plan plan = merge.Plan;
        SideFileList? sideFiles;
        try
        {
            OutputCondition condition = OutputPreflight.Inspect(paths, merge, recipe);
            if (!options.Restart && condition == OutputCondition.Finished)
            {
                CleanUp(claim);
                return MergeOutcome.AlreadyDone(plan.PartCount);
            }

            earlier = options.Restart ? null : ResumableRecord(claim, plan);
            sideFiles = merge.ListSideFiles();
            CheckSideFiles(earlier, sideFiles, plan);
            CheckOutput(paths, condition, options, isResumed: earlier is not null);
            HubInputs.CheckPublishing(paths, merge, options.Overwrite || options.Restart);
            claim.Sweep(earlier?.Job);
            PublishPreflight.TryMoving(paths);
            var needs = OutputNeeds.Of(merge);
            bool isPrepared = earlier is not null && Directory.Exists(paths.Prepared(earlier.Job));
            OutputPreflight.CheckStorage(paths, needs, earlier is null ? 0 : isPrepared ? needs.Bytes : ReservedBytes(earlier.Job));
            if (!isPrepared)
            {
                OutputPreflight.HoldRoom(paths, needs);
            }

            await HubInputs.LeaveInWorkspaceAsync(merge, paths, options.HubPins, interrupt).ConfigureAwait(false);
        }
        catch (ExpoException) when (claim.Previous is null)
        {
            claim.RemoveWorkspace();
            throw;
        }

        MergeOutcome outcome = await RunClaimedAsync(engine, claim, earlier, merge, sideFiles, progress, interrupt).ConfigureAwait(false);
        if (outcome.Status == MergeOutcome.Done)
        {
            CleanUp(claim);
        }

        return outcome;
    }

    // The output is published whatever is left of the work.
    private void CleanUp(OutputClaim claim)
    {
        string? left = claim.RemoveWorkspace()?.Message;
        // On NFS it is not empty as long as something there is open, and goes with that.
        if (left is null && Directory.Exists(paths.Workspace) && !Directory.EnumerateFileSystemEntries(paths.Workspace).Any())
        {
            left = $"{paths.Workspace}: is empty, and this user may not remove it.";
        }

        if (left is not null)
        {
            options.Notice($"note: the output is complete, but what was needed to make it could not be removed: {left}");
        }
    }

    // What version 0.1 began ends as it was planned, for some of it is computed already.
    private PlannedMerge AsBegun(PlannedMerge merge, ClaimRecord? earlier)
    {
        if (earlier is null || earlier.PlanDigest == merge.Plan.Digest || !File.Exists(paths.Journal))
        {
            return merge;
        }

        try
        {
            PlannedMerge former = HubInputs.Plan(recipe, paths, options.Notice, new PlanOptions { TakesSample = false, IsOfFirstVersion = true });
            if (former.Plan.Digest != earlier.PlanDigest)
            {
                return merge;
            }

            options.Notice("note: this merge goes on as version 0.1 began it, which extrapolated buffers that differ; --restart begins it anew.");
            return former.WithoutTensors();
        }
        catch (PlanningException)
        {
            // It was no plan of 0.1 either.
            return merge;
        }
    }

    // Another plan's work in this directory is explained: a changed input is a different matter from a changed recipe.
    private ClaimRecord? ResumableRecord(OutputClaim claim, Plan plan)
    {
        ClaimRecord? previous = claim.Previous;
        if (previous is null || !File.Exists(paths.Journal))
        {
            return null;
        }

        if (previous.PlanDigest != plan.Digest)
        {
            throw InterruptedPlan.Explain(paths, previous, plan);
        }

        CheckJournal(previous.Job, plan);
        return previous;
    }

    // What cannot be replayed here cannot be replayed by the engine either, which would be silent.
    private void CheckJournal(string job, Plan plan)
    {
        JournalFile.Prepare(paths.Journal, !FileSystemFacts.Of(paths.Root).IsNetwork);
        JobState state = JournalFile.Replay(paths.Journal, job);
        resumed = state.Phase == JobPhase.New ? null : state;
        if (state.Phase != JobPhase.New && (state.PlanDigest != plan.Digest || state.Submission!.Output != paths.Root))
        {
            throw JobException.OfDamagedJournal(
                paths.Journal,
                $"it is of a merge into {state.Submission!.Output}",
                "move the directory back to finish that merge, or use --restart to begin anew here.");
        }
    }

    // What an interrupted merge was begun with is what it publishes; once that is under way, it has its copies.
    private void CheckSideFiles(ClaimRecord? earlier, SideFileList? now, Plan plan)
    {
        if (earlier is not null && now is not null && resumed is { IsPublishing: false, SideFiles: { ListDigest.Length: > 0 } then })
        {
            SideFileList.Load(paths.SideFileList(earlier.Job), then.ListDigest).DemandSame(now, plan.SideFileDirectory!);
        }
    }

    /// <summary>Throws unless the directory may be written, as far as that is known before any work.</summary>
    internal static void CheckOutput(OutputPaths paths, OutputCondition condition, EmbeddedMergeOptions options, bool isResumed)
    {
        bool replaces = options.Overwrite || (options.Restart && condition != OutputCondition.ForeignModel);
        if (isResumed || replaces || condition == OutputCondition.Free)
        {
            return;
        }

        throw new UsageException(OutputPreflight.Taken(paths, condition));
    }

    private long ReservedBytes(string job) => Directory
        .EnumerateDirectories(paths.Workspace, job + "-*")
        .SelectMany(Directory.EnumerateFiles)
        .Sum(file => new FileInfo(file).Length);

    private async Task<MergeOutcome> RunClaimedAsync(
        EmbeddedEngine engine,
        OutputClaim claim,
        ClaimRecord? earlier,
        PlannedMerge merge,
        SideFileList? sideFiles,
        Action<JobProgress> progress,
        CancellationToken interrupt)
    {
        Plan plan = merge.Plan;
        string job = earlier?.Job ?? NewJobId();
        var record = new ClaimRecord(job, plan.Digest, Environment.MachineName, Environment.ProcessId, earlier?.InFlight ?? []);
        claim.Write(record);
        using var watch = new EngineWatch(() => claim.FindDisplacement(), options.Notice, TimeProvider.System, interrupt);
        var inFlight = new InFlightRecord(claim, record);
        var worker = new WorkerSettings
        {
            Lanes = options.Lanes, MaxBytesPerSecond = options.MaxBytesPerSecond, Reads = reads, OpenPatience = TimeSpan.Zero, Seen = SeenInputs.Of(merge),
        };
        // Whatever was here before, a job or a process that died before it had one, is not begun like this: a part of it may be what killed it.
        using HeadStart? ahead = claim.Previous is null ? BeginAhead(job, plan, worker, inFlight) : null;
        var plans = new PlanStore();
        plans.Save(paths.Plan(job), plan);
        if (resumed is null)
        {
            sideFiles?.Save(paths.SideFileList(job));
        }

        SubmitJob submission = Submission(job, plan);
        submission.SideFiles = SideFileFacts.Of(merge, sideFiles);
        // The list of all jobs, which is of this one, is what the dashboard reads.
        JobRegister? register = options.Dashboard is null ? null : await JobRegister.OpenAsync(Journal, cancellation: CancellationToken.None).ConfigureAwait(false);
        NodeSettings settings = engine.Settings with
        {
            Journal = Journal, Coordinators = CoordinatorsFor(inFlight, watch, plan) with { Register = register }, Worker = worker with { HeadStart = ahead },
        };
        Node node = await Node.StartAloneAsync(await engine.TakeAsync().ConfigureAwait(false), settings, plans).ConfigureAwait(false);
        watch.Watch(node.System);
        IAsyncDisposable? dashboard = null;
        try
        {
            if (register is not null)
            {
                dashboard = await StartDashboardAsync(node, register, plans, job).ConfigureAwait(false);
            }

            using var session = new JobSession(node);
            return await ConverseAsync(session, submission, earlier, plan, progress, watch, interrupt).ConfigureAwait(false);
        }
        finally
        {
            watch.Close();
            watch.Await("what is under way to end");
            if (dashboard is not null)
            {
                await dashboard.DisposeAsync().ConfigureAwait(false);
            }

            await node.DisposeAsync().ConfigureAwait(false);
            register?.Dispose();
            SqliteConnection.ClearAllPools();
            // The farewell: nothing that was under way is suspect.
            inFlight.Clear();
        }
    }

    // In a method of its own, so that a merge without a dashboard loads nothing of what serves one.
    private async Task<IAsyncDisposable> StartDashboardAsync(Node node, JobRegister register, PlanStore plans, string job)
    {
        WebListener dashboard = await EmbeddedDashboard.StartAsync(node, register, plans, job, options.Version).ConfigureAwait(false);
        options.Dashboard!(dashboard.Address);
        return dashboard;
    }

    private JournalSettings Journal => JournalSettings.Sqlite(paths.Journal, isLocal: !FileSystemFacts.Of(paths.Root).IsNetwork);

    private HeadStart? BeginAhead(string job, Plan plan, WorkerSettings worker, InFlightRecord inFlight) => HeadStart.TryBegin(
        plan,
        job,
        paths,
        InputFiles.ModeFor(plan, worker.Reads, cache: null),
        () => worker.StartLanes(TimeProvider.System),
        parts => inFlight.Ahead = [.. parts.Select(part => (part.File, part.Index))],
        worker.Seen);

    private CoordinatorSettings CoordinatorsFor(InFlightRecord inFlight, EngineWatch watch, Plan plan)
    {
        var settings = new CoordinatorSettings
        {
            AwaitResume = true,
            OnlyPlan = plan.Digest,
            Stopped = watch.Die,
            ReviewsStaging = !options.TrustStaging,
            Version = options.Version,
            InFlight = leases => inFlight.Leased = [.. leases.Select(lease => (lease.File, lease.Part))],
        };
        return plan.Inputs.Any(input => input.IsRemote) ? settings with { LeaseDuration = RemoteLeaseDuration } : settings;
    }

    private async Task<MergeOutcome> ConverseAsync(
        JobSession session,
        SubmitJob submission,
        ClaimRecord? earlier,
        Plan plan,
        Action<JobProgress> progress,
        EngineWatch watch,
        CancellationToken interrupt)
    {
        string job = submission.Job;
        try
        {
            watch.Await($"the job's coordinator, which writes the journal {paths.Journal}");
            await session.CommandAsync(submission, watch.Ended).ConfigureAwait(false);
            if (earlier is not null)
            {
                await session.CommandAsync(Resumption(job, plan, earlier), watch.Ended).ConfigureAwait(false);
            }

            session.Say(new WatchJob { Job = job });
            return await WatchAsync(session, job, plan, progress, watch, interrupt).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return EndOf(new JobProgress { Job = job, Total = plan.PartCount }, watch);
        }
    }

    private async Task<MergeOutcome> WatchAsync(
        JobSession session, string job, Plan plan, Action<JobProgress> progress, EngineWatch watch, CancellationToken interrupt)
    {
        JobProgress last = new() { Job = job, Total = plan.PartCount };
        using var drained = new CancellationTokenSource();
        using CancellationTokenRegistration onInterrupt = interrupt.Register(() =>
        {
            session.Say(new DrainJob { Job = job });
            drained.CancelAfter(options.DrainPatience);
        });
        // There is nobody left who could drain.
        using CancellationTokenRegistration onDeath = watch.Ended.Register(() =>
        {
            if (watch.Death is not null)
            {
                drained.Cancel();
            }
        });
        while (true)
        {
            object? news;
            try
            {
                news = await session.NextAsync(WatchInterval, drained.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return EndOf(last, watch);
            }

            switch (news)
            {
                case JobProgress now:
                    TellOfLostParts(last.LostParts, now.LostParts);
                    last = now;
                    watch.See(now);
                    progress(now);
                    if (EndOf(now) is { } status)
                    {
                        return OutcomeOf(now, status);
                    }

                    break;
                case JobDrained:
                    return OutcomeOf(last, MergeOutcome.Interrupted);
                case null:
                    // A coordinator that was started again knows no watchers, and waits to be told to go on.
                    session.Say(new ResumeJob { Job = job, PlanDigest = plan.Digest });
                    session.Say(new WatchJob { Job = job });
                    break;
            }
        }
    }

    private void TellOfLostParts(int before, int now)
    {
        if (now > before)
        {
            options.Notice(now - before == 1
                ? "note: a part that was finished is not what was written any more; it is computed again"
                : string.Create(CultureInfo.InvariantCulture, $"note: {now - before} parts that were finished are not what was written any more; they are computed again"));
        }
    }

    // The journal holds what is done; what else the engine knew is lost with it.
    private static MergeOutcome EndOf(JobProgress last, EngineWatch watch) => watch.Death is not { } death
        ? OutcomeOf(last, MergeOutcome.Interrupted)
        : OutcomeOf(last, death is StorageException ? JobPhase.Suspended.Word() : JobPhase.Failed.Word()) with
        {
            Reason = new JobReason(death.Code, death.Message, death.Advice),
        };

    private static string? EndOf(JobProgress progress) => progress switch
    {
        { JournalFailed: true } => JobPhase.Suspended.Word(),
        { State: "done" or "failed" or "suspended" or "cancelled" } => progress.State,
        _ => null,
    };

    private static MergeOutcome OutcomeOf(JobProgress progress, string status) => new(
        progress.Job,
        status,
        progress.Total,
        progress.Committed - progress.Reused,
        progress.Reused,
        progress.BytesRead,
        progress.BytesWritten,
        progress.Reason is { } reason ? new JobReason(reason.Code, reason.Message, reason.Advice) : null);

    private SubmitJob Submission(string job, Plan plan)
    {
        var submission = new SubmitJob
        {
            Job = job,
            RecipeJson = recipe.ToCanonicalJson(),
            Output = paths.Root,
            Overwrite = options.Overwrite || options.Restart,
            PlanDigest = plan.Digest,
            NumericsVersion = plan.NumericsVersion,
            Variants = plan.Variants,
            SubmittedUnixMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        submission.Files.AddRange(plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        return submission;
    }

    private static ResumeJob Resumption(string job, Plan plan, ClaimRecord earlier)
    {
        // The claim's lock was free, so the process that held it is gone, and its lanes with it.
        var resumption = new ResumeJob { Job = job, PlanDigest = plan.Digest, NoSurvivors = true };
        resumption.Suspects.AddRange(earlier.PartsInFlight([.. plan.Files.Select(file => file.PartCount)])
            .Select(part => new PartName { File = part.File, Part = part.Part }));
        return resumption;
    }

    private static string NewJobId() => RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", length: 10);
}
