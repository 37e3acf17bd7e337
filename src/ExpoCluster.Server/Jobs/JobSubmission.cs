using System.Collections.Immutable;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using System.Text.Json;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Plans;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Cluster.Transfers;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Server.Jobs;

/// <summary>What became of a submission.</summary>
/// <param name="Entry">The job in the register.</param>
/// <param name="IsNew">This submission brought it about.</param>
public sealed record Submission(RegisterEntry Entry, bool IsNew)
{
    /// <summary>What the planner remarked; empty for a job that was there.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>What the planner warned of; empty for a job that was there.</summary>
    public ImmutableArray<PlanWarning> Warnings { get; init; } = [];
}

/// <summary>Makes a job of a request: checks, plans, keeps the plan beside the output, tells the coordinator. Doing it twice does no harm.</summary>
/// <param name="register">All jobs.</param>
/// <param name="plans">Of this node.</param>
/// <param name="desk">The way to coordinators.</param>
/// <param name="hub">The way to models of the Hub, and to the cache that all nodes share.</param>
/// <param name="roots">What this server may touch.</param>
/// <param name="clock">For the time of submission.</param>
public sealed class JobSubmission(JobRegister register, PlanStore plans, JobDesk desk, HubSession hub, StorageRoots roots, TimeProvider clock) : IDisposable
{
    private const string TooManyFiles = "EXPO2094";
    private const int MaxOthers = 500;
    private const int MaxPlannersAtOnce = 2;
    private const int OutputGates = 64;

    private static readonly string[] Unfinished = [.. JobStates.All.Where(state => !JobStates.HasEnded(state))];

    // A client waits for five minutes.
    private static readonly TimeSpan PlanPatience = TimeSpan.FromMinutes(4);

    // Of two requests to one directory the second is to see the first's job.
    private readonly SemaphoreSlim[] outputGates = [.. Enumerable.Range(0, OutputGates).Select(_ => new SemaphoreSlim(1))];

    /// <summary>Planning is disk work, and two at once are as many as a disk and a small machine like.</summary>
    internal PlannerSlots Planners { get; init; } = new(MaxPlannersAtOnce, PlanPatience, clock);

    /// <summary>Coordinators live on this node, and will want the plan; elsewhere it would only lie about.</summary>
    public bool KeepsPlans { get; init; } = true;

    public void Dispose()
    {
        Planners.Dispose();
        foreach (SemaphoreSlim gate in outputGates)
        {
            gate.Dispose();
        }
    }

    /// <summary>What a submission would do. Nothing is written.</summary>
    /// <param name="body">As <see cref="JobRequest.Read"/> takes it.</param>
    /// <param name="needsOutput">It must name one.</param>
    /// <param name="cancellation">The client is gone.</param>
    /// <exception cref="Tensors.ExpoException">It cannot be done.</exception>
    public async Task<PlanDescription> PlanAsync(JsonElement body, bool needsOutput, CancellationToken cancellation)
    {
        JsonElement kept = body.Clone();
        PlannedRequest planned = await OpenAsync(() => Read(kept, needsOutput), cancellation).ConfigureAwait(false);
        return await Planners.RunAsync(_ => Describe(planned), cancellation).ConfigureAwait(false);
    }

    /// <summary>Makes a job of what was asked for, or finds the one that it is already.</summary>
    /// <param name="body">As <see cref="JobRequest.Read"/> takes it.</param>
    /// <param name="submittedBy">Who; null where nobody is asked.</param>
    /// <param name="cancellation">The client is gone.</param>
    /// <exception cref="Tensors.ExpoException">It was refused.</exception>
    public async Task<Submission> SubmitAsync(JsonElement body, string? submittedBy, CancellationToken cancellation)
    {
        JsonElement kept = body.Clone();
        JobRequest request = await Planners.RunAsync(_ => Read(kept, needsOutput: true), cancellation).ConfigureAwait(false);
        if (request.Id is { } id && await register.FindAsync(id, cancellation).ConfigureAwait(false) is { } known)
        {
            return SameOrRefused(known, request);
        }

        SemaphoreSlim gate = outputGates[(uint)string.GetHashCode(request.Recipe.Output!, StringComparison.Ordinal) % OutputGates];
        await gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await SubmitAloneAsync(request, submittedBy, cancellation).ConfigureAwait(false);
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task<Submission> SubmitAloneAsync(JobRequest request, string? submittedBy, CancellationToken cancellation)
    {
        var paths = new OutputPaths(request.Recipe.Output!);
        ImmutableArray<RegisterEntry> there = await register.FindByOutputAsync(paths.Root, cancellation).ConfigureAwait(false);
        if (there.FirstOrDefault(entry => entry.State is not (JobStates.Done or JobStates.Cancelled)) is { } holder)
        {
            bool isMeant = request.Id is null ? IsSame(holder, request) : holder.Job == request.Id;
            return isMeant
                ? SameOrRefused(holder, request)
                : throw JobException.OutputOfOtherJob(paths.Root, holder.Job, holder.State);
        }

        DateTimeOffset start = clock.GetUtcNow();
        PlannedRequest planned = await OpenAsync(() => request, cancellation).ConfigureAwait(false);
        if (planned.Condition == OutputCondition.Finished && request.Id is null
            && there.FirstOrDefault(entry => entry.State == JobStates.Done && entry.Facts.PlanDigest == planned.Merge.Plan.Digest) is { } done)
        {
            return new Submission(done, IsNew: false);
        }

        if (planned.Condition == OutputCondition.Finished && !request.Overwrite)
        {
            throw new UsageException(new RecipeProblem(
                OutputPreflight.OutputTaken, "out", $"{paths.Root} is already there, whole: there is nothing to do.", "overwrite it to have it made again."));
        }

        Submission submission = await SubmitPlannedAsync(request, paths, planned, submittedBy, start, cancellation).ConfigureAwait(false);
        return submission with { Notes = planned.Merge.Notes, Warnings = planned.Merge.Warnings };
    }

    private async Task<Submission> SubmitPlannedAsync(
        JobRequest request, OutputPaths paths, PlannedRequest planned, string? submittedBy, DateTimeOffset start, CancellationToken cancellation)
    {
        string job = request.Id ?? NewJobId();
        SubmitJob submission = SubmissionOf(request, job, paths, planned, submittedBy);
        CheckSize(submission);
        submission.TraceParent = JobTrace.Text(JobTrace.Record(
            JobTrace.Plan, JobTrace.Of(job), start, [new(JobTrace.JobAttribute, job), new(JobTrace.NodeAttribute, desk.NodeName)]));
        SideFileList? sideFiles = await Planners.RunAsync(_ => planned.Merge.ListSideFiles(roots), cancellation).ConfigureAwait(false);
        submission.SideFiles = SideFileFacts.Of(planned.Merge, sideFiles);
        var deposit = new PlanDeposit(paths, job, planned.Merge.Plan, sideFiles);
        bool isNew = await CommandAsync(submission, deposit, planned, cancellation).ConfigureAwait(false);
        RegisterEntry entry = await desk.FindAsync(job, cancellation).ConfigureAwait(false);
        return isNew ? new Submission(entry, IsNew: true) : SameOrRefused(entry, request);
    }

    // A job that is refused leaves nothing. Where nobody answered it may yet be taken, and needs its plan.
    private async Task<bool> CommandAsync(SubmitJob submission, PlanDeposit deposit, PlannedRequest planned, CancellationToken cancellation)
    {
        await OwnThread.Run(() =>
        {
            deposit.Make(plans);
            HubNeeds.Record(planned.Merge);
            return true;
        }).ConfigureAwait(false);
        if (!KeepsPlans)
        {
            plans.Forget(planned.Merge.Plan.Digest);
        }

        try
        {
            return await desk.CommandAsync(submission, cancellation).ConfigureAwait(false);
        }
        catch (JobException refusal) when (refusal.Code != JobException.NoAnswer)
        {
            plans.Forget(planned.Merge.Plan.Digest);
            await OwnThread.Run(() =>
            {
                deposit.Withdraw();
                return true;
            }).ConfigureAwait(false);
            throw;
        }
    }

    // All that looks at files is done in a planner's slot, for any of it may never be answered.
    private async Task<PlannedRequest> OpenAsync(Func<JobRequest> read, CancellationToken cancellation)
    {
        PlannedRequest planned;
        try
        {
            planned = await Planners.RunAsync(token => Open(read(), token), cancellation).ConfigureAwait(false);
        }
        catch (HubException refusal) when (HubErrors.IsAboutToken(refusal))
        {
            throw new HubException(refusal.Code, refusal.Where, refusal.Problem, refusal.Advice + " The token is that of the server's nodes.", refusal);
        }

        if (planned.Full is { } full)
        {
            await CheckOthersAsync(new OutputPaths(planned.Request.Recipe.Output!), planned, full, cancellation).ConfigureAwait(false);
        }

        return planned;
    }

    private JobRequest Read(JsonElement body, bool needsOutput) => JobRequest.Read(body, Resolve, needsOutput);

    private string Resolve(string field, string path)
    {
        string real = roots.Resolve(field, path);
        if (field == "out" && OutputPlace.FindDanglingLink(Path.Combine(roots.Paths[0], path)) is { } link)
        {
            throw new UsageException(new RecipeProblem(
                StorageException.NotADirectory, field, $"'{path}': {link} is a symbolic link that leads to nothing.", "choose another output, or make the directory that it leads to."));
        }

        return real;
    }

    private PlannedRequest Open(JobRequest request, CancellationToken cancellation)
    {
        // A branch is asked for anew each time, and all that follows from the answer is of one commit.
        HubSession session = hub.Anew(namesByCommit: true, cancellation);
        PlannedMerge merge = Planner.Plan(
            request.Recipe, session, new PlanningWork(cancellation), roots, new PlanOptions { TakesSample = request.TakesSample });
        roots.Check(merge.Plan, hub.Cache);
        var planned = new PlannedRequest(request, merge, HubNeeds.Of(merge, session));
        return request.Recipe.Output is { } output ? WithOutput(new OutputPaths(output), planned, request) : planned;
    }

    private PlannedRequest WithOutput(OutputPaths paths, PlannedRequest planned, JobRequest request)
    {
        planned = planned with { Condition = Inspect(paths, planned, request) };
        if (planned.Condition == OutputCondition.Finished)
        {
            return planned;
        }

        if (PublishPreflight.FindObstacle(paths, planned.Merge, request.Overwrite) is { } obstacle)
        {
            throw new UsageException(obstacle with { Path = "out" });
        }

        PublishPreflight.CheckRights(paths, planned.Merge, request.Overwrite);
        var needs = OutputNeeds.Of(planned.Merge);
        long outputBytes = needs.Bytes;
        OutputPreflight.CheckInodes(paths, needs);
        planned.Needs?.CheckSpace(paths, outputBytes: 0);
        try
        {
            OutputPreflight.CheckStorage(paths, needs, alreadyReserved: 0);
            planned.Needs?.CheckSpace(paths, outputBytes);
            return planned;
        }
        catch (StorageException full) when (full.Code == StorageException.Full)
        {
            return planned with { Full = full };
        }
    }

    // What would fit if other jobs were not there is a matter of time: such a job is taken, and waits.
    private async Task CheckOthersAsync(OutputPaths paths, PlannedRequest planned, StorageException full, CancellationToken cancellation)
    {
        ImmutableArray<RegisterEntry> unfinished = await register.ListAsync(Unfinished, after: null, MaxOthers, cancellation).ConfigureAwait(false);
        bool mayFit = await Planners.RunAsync(_ => FitsWithout(unfinished, paths, planned), cancellation).ConfigureAwait(false);
        if (!mayFit)
        {
            ExceptionDispatchInfo.Throw(full);
        }
    }

    private static bool FitsWithout(ImmutableArray<RegisterEntry> unfinished, OutputPaths paths, PlannedRequest planned)
    {
        FileSystemFacts storage = FileSystemFacts.Of(paths.Root);
        long others = unfinished
            .Where(entry => entry.Damage is null && FileSystemFacts.Of(entry.Output).MountPoint == storage.MountPoint)
            .Aggregate(0L, (sum, entry) => sum + Math.Min(entry.Facts.Bytes, long.MaxValue - sum));
        return OutputNeeds.Of(planned.Merge).Bytes - storage.FreeBytes <= others;
    }

    private static PlanDescription Describe(PlannedRequest planned)
    {
        string? output = planned.Request.Recipe.Output;
        PlannedMerge merge = planned.Condition == OutputCondition.Finished
            ? planned.Merge with { Notes = planned.Merge.Notes.Add($"{output} is already there, whole: merge would have nothing to do") }
            : planned.Merge;
        return PlanDescriptions.Of(planned.Request.Recipe, merge, planned.Needs);
    }

    private OutputCondition Inspect(OutputPaths paths, PlannedRequest planned, JobRequest request)
    {
        PlannedMerge merge = planned.Merge;
        OutputPlace.Demand(paths);
        RecipeProblem? overlap = OutputPreflight.FindOverlap(paths, [merge.Base, merge.Aligned]) ?? planned.Needs?.FindOverlap(paths) ?? OutputPreflight.FindMisplaced(paths, hub.Cache.Directory);
        if (overlap is not null)
        {
            throw new UsageException(overlap with { Path = "out" });
        }

        OutputCondition condition = OutputPreflight.Inspect(paths, merge, request.Recipe);
        if (condition is OutputCondition.ForeignModel or OutputCondition.OtherPlan && !request.Overwrite)
        {
            throw new UsageException(OutputPreflight.Taken(paths, condition) with { Path = "out" });
        }

        if (File.Exists(paths.Journal))
        {
            throw new UsageException(new RecipeProblem(
                OutputPreflight.OtherPlanInProgress,
                "out",
                $"{paths.Root} holds the unfinished work of a merge without a server.",
                "run that command again to finish it, or choose another output."));
        }

        return condition;
    }

    private static bool IsSame(RegisterEntry entry, JobRequest request) => entry.Facts.RecipeJson == request.Recipe.ToCanonicalJson();

    private static Submission SameOrRefused(RegisterEntry entry, JobRequest request) => IsSame(entry, request)
        ? new Submission(entry, IsNew: false)
        : throw JobException.IdIsTaken(entry.Job);

    private static void CheckSize(SubmitJob submission)
    {
        if (submission.CalculateSize() > MessageLimits.SubmissionBytes)
        {
            throw new UsageException(new RecipeProblem(
                TooManyFiles,
                "max_shard_size",
                $"the job would have {submission.Files.Count} output files, more than the nodes of a cluster tell each other in one message.",
                "allow larger files, or split the sweep into several jobs."));
        }
    }

    private SubmitJob SubmissionOf(JobRequest request, string job, OutputPaths paths, PlannedRequest planned, string? submittedBy)
    {
        Plan plan = planned.Merge.Plan;
        var submission = new SubmitJob
        {
            Job = job,
            RecipeJson = request.Recipe.ToCanonicalJson(),
            Output = paths.Root,
            Overwrite = request.Overwrite,
            PlanDigest = plan.Digest,
            NumericsVersion = plan.NumericsVersion,
            Variants = plan.Variants,
            SubmittedUnixMs = clock.GetUtcNow().ToUnixTimeMilliseconds(),
            SubmittedBy = submittedBy ?? "",
            PinnedRecipeJson = planned.Needs is null ? "" : planned.Merge.Pinned(request.Recipe).ToCanonicalJson(),
        };
        submission.Transfers.AddRange((planned.Needs?.TransfersOf(plan) ?? []).Select(TransferFacts.Of));
        submission.Files.AddRange(plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        return submission;
    }

    private static string NewJobId() => RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", length: 10);
}
