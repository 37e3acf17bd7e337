using System.Collections.Immutable;
using Akka.Actor;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>The coordinator's part in the output directory: claims it, publishes into it, removes what a job leaves there.</summary>
/// <remarks>It works on threads of its own and tells the coordinator what came of it. It decides nothing.</remarks>
internal sealed class OutputDesk(string job, PlanStore plans, CoordinatorSettings settings, TimeProvider clock, IActorRef self)
{
    private OutputClaim? claim;
    private Task work = Task.CompletedTask;
    private bool isLooking;
    private bool isDisplaced;

    /// <summary>This process has the output's claim.</summary>
    public bool IsClaimed => claim is not null;

    /// <summary>It is being found out whether the output can be had.</summary>
    public bool IsClaiming { get; private set; }

    /// <summary>The output is being prepared or published.</summary>
    public bool IsPublishing { get; private set; }

    // Two coordinators of one job must not publish at the same time; they compute the same bytes whenever they like.
    public bool MayPublish => settings.Admission is null || IsClaimed;

    /// <summary>Since when the job's output is prepared and published.</summary>
    public DateTimeOffset PublishingSince { get; private set; }

    /// <summary>Asks for the output of a new job; <see cref="Admitted"/> or <see cref="NotAdmitted"/> comes of it, from whoever submitted.</summary>
    public void Admit(SubmitJob submission, OutputAdmission admission, IActorRef submitter)
    {
        if (IsClaiming)
        {
            return;
        }

        IsClaiming = true;
        AdmitAsync(new OutputPaths(submission.Output), submission.PlanDigest, admission)
            .PipeTo(self, submitter, admitted => new Admitted(submission, admitted), exception => new NotAdmitted(exception));
    }

    private async Task<OutputClaim> AdmitAsync(OutputPaths paths, string planDigest, OutputAdmission admission)
    {
        if (settings.StorageRoots is { } roots)
        {
            await OwnThread.Run(() => CheckPaths(paths, planDigest, roots)).ConfigureAwait(false);
        }

        return await admission.AdmitAsync(paths, job, planDigest).ConfigureAwait(false);
    }

    // Whoever submits has checked all of it. But a message proves nothing, and links can have changed.
    private bool CheckPaths(OutputPaths paths, string planDigest, StorageRoots roots)
    {
        roots.CheckFile("output", paths.Root);
        roots.Check(plans.Look(paths.Plan(job), planDigest), settings.HubCache!);
        return true;
    }

    /// <summary>Asks for the output that an earlier coordinator of the job had; <see cref="Reclaimed"/> comes of it.</summary>
    public void Reclaim(JobState state)
    {
        if (isDisplaced && state.Phase is JobPhase.Running or JobPhase.Publishing)
        {
            TakeAgain(state);
            return;
        }

        if (MayPublish || IsClaiming || state.Phase == JobPhase.New || state.HasEnded)
        {
            return;
        }

        IsClaiming = true;
        OutputAdmission.ReclaimAsync(PathsOf(state), job, state.PlanDigest!)
            .PipeTo(self, success: reclaimed => new Reclaimed(reclaimed), failure: _ => new Reclaimed(null));
    }

    // Put back it is what it was. What was copied back has a claim of its own, to be taken; and where nothing is, nothing is made.
    private void TakeAgain(JobState state)
    {
        if (claim is not { } held || IsClaiming)
        {
            return;
        }

        isDisplaced = false;
        IsClaiming = true;
        claim = null;
        OutputPaths paths = PathsOf(state);
        OwnThread.Run<OutputClaim?>(() =>
        {
            if (held.FindDisplacement() is null || FileIdentity.Of(paths.Claim) is null)
            {
                return held;
            }

            held.Dispose();
            return OutputAdmission.ReclaimAsync(paths, job, state.PlanDigest!).GetAwaiter().GetResult();
        }).PipeTo(self, success: taken => new Reclaimed(taken), failure: _ => new Reclaimed(null));
    }

    /// <summary>Looks whether the place that the job works in is still at its path; <see cref="Seen"/> comes of it.</summary>
    /// <remarks>A file system that is away lets nobody return who asks: then the one who asked waits, and the coordinator goes on.</remarks>
    public void Look()
    {
        if (claim is not { } held || isLooking)
        {
            return;
        }

        isLooking = true;
        OwnThread.Run(() => new Seen(held.FindDisplacement())).PipeTo(self, success: seen => seen, failure: _ => new Seen(null));
    }

    /// <summary>What the job works in was not at its path when it was last looked at.</summary>
    public bool IsDisplaced => isDisplaced && claim is not null;

    /// <summary>Looks before a job goes on whose place was away; <see cref="SeenBefore"/> comes of it, from whoever resumes.</summary>
    public void LookBefore(ResumeJob message, OutputPaths paths, IActorRef resumer)
    {
        OutputClaim held = claim!;
        OwnThread.Run(() => new SeenBefore(message, FileIdentity.Of(paths.Claim) is null ? held.FindDisplacement() : null))
            .PipeTo(self, resumer, success: seen => seen, failure: _ => new SeenBefore(message, null));
    }

    /// <summary>What was seen has been heard.</summary>
    /// <returns>Why the job cannot go on; null while everything is in its place.</returns>
    public JobReason? Settle(Seen seen)
    {
        isLooking = false;
        if (seen.Displacement is not { } displacement || claim is null)
        {
            return null;
        }

        isDisplaced = true;
        return new JobReason(
            displacement.Code, displacement.Message, "put it back and resume the job, which goes on where it was; or cancel the job. Let nothing else move or change what is there.");
    }

    /// <param name="taken">Null when it is somebody else's.</param>
    public void Take(OutputClaim? taken)
    {
        IsClaiming = false;
        claim = taken;
    }

    /// <summary>Writes what is published beside the weights; <see cref="Prepared"/>, <see cref="SideFilesLost"/> or <see cref="PublishFailed"/> comes of it.</summary>
    public void Prepare(JobState state) => Run(state, sequence =>
    {
        Plan plan = plans.Load(PathsOf(state).Plan(job), state.PlanDigest!);
        if (sequence.FindLost(plan, state.Transfers) is { IsEmpty: false } lost)
        {
            return new SideFilesLost(lost);
        }

        Recipe recipe = Recipe.FromCanonicalJson(state.RecipeJson);
        return new Prepared(sequence.Prepare(plan, recipe, state.Files, settings.Version, ListOf(state)));
    });

    /// <summary>How many files a job publishes, as far as that is known before they are prepared.</summary>
    public static int CountNames(JobState state) => state.PublishedNames.Length > 0
        ? state.PublishedNames.Length
        : state.Files.Length + ((state.SideFiles?.Count ?? 0) * state.Variants);

    // Null for a job of an earlier build, whose side files are those that are there.
    private SideFileList? ListOf(JobState state) => state.SideFiles is { ListDigest.Length: > 0 } beside
        ? SideFileList.Load(PathsOf(state).SideFileList(job), beside.ListDigest)
        : null;

    /// <summary>Gives the files their final names; <see cref="PublishDone"/> or <see cref="PublishFailed"/> comes of it.</summary>
    public void Publish(JobState state) => Run(state, sequence =>
    {
        sequence.Publish(state.PublishedNames, state.Submission!.Overwrite, state.Files);
        return PublishDone.Instance;
    });

    /// <summary>What came of preparing or publishing has been heard.</summary>
    public void Settle() => IsPublishing = false;

    /// <summary>Removes the staging files and frees the output; <see cref="StagingRemoved"/> or <see cref="StagingRemains"/> comes of it.</summary>
    public void Remove(JobState state)
    {
        plans.Forget(state.PlanDigest!);
        OutputPaths paths = PathsOf(state);
        OutputClaim? held = claim;
        claim = null;
        Task<bool> removal = settings.Admission is { } admission ? admission.ReleaseAsync(paths, job, state.Files, held) : OwnThread.Run(() =>
        {
            WorkspaceSweep.Remove(paths, job, state.Files);
            return true;
        });
        work = removal;
        removal.PipeTo(self, success: removed => removed ? StagingRemoved.Instance : StagingRemains.Instance, failure: _ => StagingRemains.Instance);
    }

    /// <summary>Gives the staging files' space back, and keeps the output.</summary>
    public void RemoveStaging(JobState state) => work = OwnThread.Run(() =>
    {
        WorkspaceSweep.RemoveStaging(PathsOf(state), job, state.Files);
        return true;
    });

    /// <summary>Gives the claim up, so that somebody else can take over: when what is under way here has ended.</summary>
    public void Close()
    {
        if (claim is { } held)
        {
            work.ContinueWith(_ => held.Dispose(), TaskScheduler.Default);
        }
    }

    private void Run(JobState state, Func<PublishSequence, object> step)
    {
        IsPublishing = true;
        PublishingSince = PublishingSince == default ? clock.GetUtcNow() : PublishingSince;
        OutputPaths output = PathsOf(state);
        var sequence = new PublishSequence(output, job, settings.HubCache, settings.StorageRoots);
        Task<object> run = OwnThread.Run(() =>
        {
            try
            {
                return step(sequence);
            }
            catch (ExpoException exception)
            {
                return new PublishFailed(exception);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return new PublishFailed(StorageException.From(exception, output.Root, "publish the output"));
            }
#pragma warning disable CA1031 // The edge of a thread: a job that publishes must hear how that ended.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                return new PublishFailed(JobException.Unforeseen(exception));
            }
        });
        work = run;
        run.PipeTo(self);
    }

    private static OutputPaths PathsOf(JobState state) => new(state.Submission!.Output);

    public sealed record Admitted(SubmitJob Submission, OutputClaim Claim);

    public sealed record NotAdmitted(Exception Cause);

    public sealed record Reclaimed(OutputClaim? Claim);

    public sealed record SeenBefore(ResumeJob Message, StorageException? Displacement);

    public sealed record Seen(StorageException? Displacement);

    public sealed record Prepared(ImmutableArray<string> Names);

    public sealed record SideFilesLost(ImmutableArray<int> Transfers);

    public sealed record PublishFailed(ExpoException Error);

    public sealed class PublishDone
    {
        public static readonly PublishDone Instance = new();
    }

    public sealed class StagingRemoved
    {
        public static readonly StagingRemoved Instance = new();
    }

    public sealed class StagingRemains
    {
        public static readonly StagingRemains Instance = new();
    }
}
