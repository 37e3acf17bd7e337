using System.Collections.Immutable;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Jobs;

/// <summary>What somebody asks of a job, or reports to it.</summary>
public abstract record JobCommand
{
    private JobCommand()
    {
    }

    public sealed record Submit(JobEvent.Submitted Submission, JobEvent.Planned Plan) : JobCommand;

    /// <summary>A coordinator has recovered and wants to work.</summary>
    public sealed record TakeOver : JobCommand;

    /// <summary>A worker is to be given parts, or has them.</summary>
    public sealed record Engage(string Worker) : JobCommand;

    /// <summary>All leases of earlier coordinators were handed back, taken over or have run out.</summary>
    public sealed record SettleLeases : JobCommand;

    public sealed record ReportStaging(int File, int Generation) : JobCommand;

    /// <summary>Parts of one file that are durable in the staging file of this generation.</summary>
    public sealed record ReportParts(int File, int Generation, ImmutableArray<CommittedPart> Parts) : JobCommand;

    /// <summary>Committed parts of one file whose bytes in the staging file of this generation are not what was committed.</summary>
    public sealed record ReportLostParts(int File, int Generation, ImmutableArray<int> Parts) : JobCommand;

    public sealed record ReportSeal(int File, int Generation, string Digest) : JobCommand;

    /// <summary>A file of the Hub is in the cache.</summary>
    public sealed record ReportTransfer(int Transfer) : JobCommand;

    /// <summary>Files of the Hub that were in the cache are not there any more.</summary>
    public sealed record ReportLost(ImmutableArray<int> Transfers) : JobCommand;

    public sealed record BeginPublishing(ImmutableArray<string> Names) : JobCommand;

    public sealed record CompletePublishing : JobCommand;

    public sealed record Suspend(JobReason Reason) : JobCommand;

    /// <summary>Go on with this plan.</summary>
    public sealed record Resume(string PlanDigest) : JobCommand;

    public sealed record Fail(JobReason Reason) : JobCommand;

    public sealed record Cancel : JobCommand;
}

/// <summary>What follows from a command.</summary>
public abstract record JobDecision
{
    private JobDecision()
    {
    }

    /// <summary>These events are to be journalled, then acknowledged.</summary>
    public sealed record Accepted(params ImmutableArray<JobEvent> Events) : JobDecision;

    /// <summary>Nothing is to be journalled, for it is already so; acknowledge.</summary>
    public sealed record Ignored(string Why) : JobDecision;

    /// <summary>Not possible now.</summary>
    public sealed record Rejected(string Code, string Message, string Advice) : JobDecision;
}

/// <summary>All decisions about a job, as pure functions of its state.</summary>
public static class JobRules
{
    public static JobDecision Decide(JobState state, JobCommand command) => command switch
    {
        JobCommand.Submit c => Submit(state, c),
        JobCommand.TakeOver => new JobDecision.Accepted(new JobEvent.CoordinatorStarted(state.Incarnation + 1) { NamesWorkers = true }),
        JobCommand.Engage c => Engage(state, c),
        JobCommand.SettleLeases => SettleLeases(state),
        JobCommand.ReportStaging c => ReportStaging(state, c),
        JobCommand.ReportParts c => ReportParts(state, c),
        JobCommand.ReportLostParts c => ReportLostParts(state, c),
        JobCommand.ReportSeal c => ReportSeal(state, c),
        JobCommand.ReportTransfer c => ReportTransfer(state, c),
        JobCommand.ReportLost c => ReportLost(state, c),
        JobCommand.BeginPublishing c => BeginPublishing(state, c),
        JobCommand.CompletePublishing => CompletePublishing(state),
        JobCommand.Suspend c => Suspend(state, c),
        JobCommand.Resume c => Resume(state, c),
        JobCommand.Fail c => Fail(state, c),
        JobCommand.Cancel => Cancel(state),
        _ => throw new InvalidOperationException($"No rule for command {command.GetType().Name}."),
    };

    private static JobDecision Submit(JobState state, JobCommand.Submit command)
    {
        if (state.Phase == JobPhase.New)
        {
            return new JobDecision.Accepted(command.Submission, command.Plan, new JobEvent.CoordinatorStarted(Incarnation: 1) { NamesWorkers = true });
        }

        return state.PlanDigest == command.Plan.PlanDigest && state.Submission!.Output == command.Submission.Output
            ? new JobDecision.Ignored("This job was submitted before.")
            : new JobDecision.Rejected(
                JobException.IdTaken,
                $"job {command.Submission.Job} exists already, with another plan.",
                "choose another id, or look at the job that has it.");
    }

    private static JobDecision Engage(JobState state, JobCommand.Engage command)
    {
        if (state.Phase != JobPhase.Running)
        {
            return NotNow(state, "it has no parts to give");
        }

        return state.Engaged.GetValueOrDefault(command.Worker) == state.Incarnation
            ? new JobDecision.Ignored("This worker is known to have parts.")
            : new JobDecision.Accepted(new JobEvent.WorkerEngaged(command.Worker));
    }

    private static JobDecision SettleLeases(JobState state)
    {
        if (state.Phase is not (JobPhase.Running or JobPhase.Suspended))
        {
            return NotNow(state, "nobody writes");
        }

        return state.HasUnnamedWorkers || state.Engaged.Values.Any(incarnation => incarnation < state.Incarnation)
            ? new JobDecision.Accepted(new JobEvent.LeasesSettled())
            : new JobDecision.Ignored("There are no leases of earlier coordinators.");
    }

    private static JobDecision ReportStaging(JobState state, JobCommand.ReportStaging command)
    {
        if (!IsKnown(state, command.File))
        {
            return NotNow(state, "it has no such file");
        }

        JobFileState file = state.Files[command.File];
        if (state.Phase is not (JobPhase.Running or JobPhase.Suspended))
        {
            return NotNow(state, $"{file.File.Name} needs no staging");
        }

        return command.Generation switch
        {
            int generation when generation == file.Generation => new JobDecision.Ignored("This staging file is known."),
            int generation when generation == file.Generation + 1 =>
                new JobDecision.Accepted(new JobEvent.StagingCreated(command.File, generation)),
            _ => new JobDecision.Rejected(
                JobException.WrongPhase,
                $"{file.File.Name}: staging generation {command.Generation} does not follow {file.Generation}.",
                "nothing: the writer asks again."),
        };
    }

    // Reports of another generation describe bytes of another file. Within one generation the bytes are the same whoever
    // computed them, so late and repeated reports are welcome, unless they contradict what was committed.
    private static JobDecision ReportParts(JobState state, JobCommand.ReportParts command)
    {
        if (!IsKnown(state, command.File))
        {
            return NotNow(state, "it has no such file");
        }

        JobFileState file = state.Files[command.File];
        if (command.Generation != file.Generation)
        {
            return new JobDecision.Rejected(
                JobException.WrongPhase,
                $"{file.File.Name}: a report of staging generation {command.Generation}, but {file.Generation} is current.",
                "nothing: the parts are computed again.");
        }

        if (command.Parts.FirstOrDefault(part => Contradicts(file, part)) is { } wrong)
        {
            return new JobDecision.Rejected(
                JobException.PartsDisagree,
                $"{file.File.Name}: part {wrong.Part} was computed twice with different results.",
                "suspect the memory or the disk of the machines that computed it; run the merge again with --restart.");
        }

        ImmutableArray<CommittedPart> fresh =
            [.. command.Parts.Where(part => !file.IsCommitted(part.Part)).DistinctBy(part => part.Part)];
        if (fresh.IsEmpty)
        {
            return new JobDecision.Ignored("These parts are committed.");
        }

        return state.Phase is JobPhase.Running or JobPhase.Suspended
            ? new JobDecision.Accepted(new JobEvent.PartsCommitted(command.File, command.Generation, fresh))
            : NotNow(state, "no parts are awaited");
    }

    private static JobDecision ReportLostParts(JobState state, JobCommand.ReportLostParts command)
    {
        if (!IsKnown(state, command.File) || command.Generation != state.Files[command.File].Generation)
        {
            return NotNow(state, "it has no such file");
        }

        JobFileState file = state.Files[command.File];
        ImmutableArray<int> lost =
            [.. command.Parts.Where(part => part >= 0 && part < file.PartCount && file.IsCommitted(part)).Distinct().Order()];
        if (lost.IsEmpty)
        {
            return new JobDecision.Ignored("These parts are open.");
        }

        return state.Phase is JobPhase.Running or JobPhase.Suspended && !state.IsPublishing
            ? new JobDecision.Accepted(new JobEvent.PartsLost(command.File, command.Generation, lost))
            : NotNow(state, "nothing is computed any more");
    }

    // Workers repeat their reports, also to a coordinator whose journal is gone.
    private static bool IsKnown(JobState state, int file) => file >= 0 && file < state.Files.Length;

    private static bool Contradicts(JobFileState file, CommittedPart part) =>
        part.BlockDigests.Length != ExpectedDigestBytes(file, part.Part)
        || (file.BlockDigests[part.Part] is { } known && !known.Span.SequenceEqual(part.BlockDigests.Span));

    private static int ExpectedDigestBytes(JobFileState file, int part) =>
        PartGrid.BlockCount(PartGrid.Part(0, part, file.File.ByteLength).ByteCount) * BlockDigest.ByteCount;

    private static JobDecision ReportSeal(JobState state, JobCommand.ReportSeal command)
    {
        if (!IsKnown(state, command.File))
        {
            return NotNow(state, "it has no such file");
        }

        JobFileState file = state.Files[command.File];
        if (file.IsSealed && file.Digest == command.Digest)
        {
            return new JobDecision.Ignored("This file is sealed.");
        }

        return file.Generation == command.Generation && file.IsComplete && !file.IsSealed && state.Phase is JobPhase.Running or JobPhase.Suspended
            ? new JobDecision.Accepted(new JobEvent.FileSealed(command.File, command.Generation, command.Digest))
            : NotNow(state, $"{file.File.Name} cannot be sealed");
    }

    // A file is known by its digest, so it does not matter who brought it, nor when.
    private static JobDecision ReportTransfer(JobState state, JobCommand.ReportTransfer command)
    {
        if (state.IsTransferred(command.Transfer))
        {
            return new JobDecision.Ignored("This file is there.");
        }

        return state.OpenTransfers.Contains(command.Transfer) && state.Phase is JobPhase.Running or JobPhase.Suspended
            ? new JobDecision.Accepted(new JobEvent.FilesTransferred([command.Transfer]))
            : NotNow(state, "no such file is awaited");
    }

    private static JobDecision ReportLost(JobState state, JobCommand.ReportLost command)
    {
        ImmutableArray<int> lost = [.. command.Transfers.Where(state.IsTransferred).Distinct().Order()];
        if (lost.IsEmpty)
        {
            return new JobDecision.Ignored("These files are awaited.");
        }

        return state.Phase is JobPhase.Running or JobPhase.Suspended
            ? new JobDecision.Accepted(new JobEvent.FilesLost(lost))
            : NotNow(state, "no files are needed any more");
    }

    private static JobDecision BeginPublishing(JobState state, JobCommand.BeginPublishing command)
    {
        if (state.Phase == JobPhase.Publishing)
        {
            return new JobDecision.Ignored("Publishing has begun.");
        }

        return state.Phase == JobPhase.Running && state.AllSealed && state.OpenTransfers.IsEmpty
            ? new JobDecision.Accepted(new JobEvent.Publishing(command.Names))
            : NotNow(state, "not everything is sealed, or files are missing");
    }

    private static JobDecision CompletePublishing(JobState state) => state.Phase switch
    {
        JobPhase.Publishing => new JobDecision.Accepted(new JobEvent.Published()),
        JobPhase.Done => new JobDecision.Ignored("The job is done."),
        _ => NotNow(state, "nothing is being published"),
    };

    private static JobDecision Suspend(JobState state, JobCommand.Suspend command) => state.Phase switch
    {
        JobPhase.Running or JobPhase.Publishing =>
            new JobDecision.Accepted(new JobEvent.Suspended(command.Reason.Code, command.Reason.Message, command.Reason.Advice)),
        _ => new JobDecision.Ignored("The job is not running."),
    };

    private static JobDecision Resume(JobState state, JobCommand.Resume command)
    {
        if (state.Phase == JobPhase.New || state.PlanDigest != command.PlanDigest)
        {
            return new JobDecision.Rejected(
                JobException.WrongPhase, "the job has another plan.", "use --restart to throw the earlier work away.");
        }

        return state.Phase switch
        {
            // A failed job keeps its staging: whoever has removed the cause may go on.
            JobPhase.Suspended or JobPhase.Failed => new JobDecision.Accepted(new JobEvent.Resumed()),
            JobPhase.Cancelled => NotNow(state, "it cannot go on"),
            _ => new JobDecision.Ignored("The job is running."),
        };
    }

    private static JobDecision Fail(JobState state, JobCommand.Fail command) => state.HasEnded || state.Phase == JobPhase.New
        ? new JobDecision.Ignored("The job has ended, or never began.")
        : new JobDecision.Accepted(new JobEvent.Failed(command.Reason.Code, command.Reason.Message, command.Reason.Advice));

    // Once files appear under final names the only way is forward: half a model must not stay visible.
    private static JobDecision Cancel(JobState state) => state.Phase switch
    {
        JobPhase.Cancelled => new JobDecision.Ignored("The job is cancelled."),
        _ when state.IsPublishing || state.Phase is JobPhase.Done or JobPhase.New => NotNow(state, "it cannot be cancelled"),
        _ => new JobDecision.Accepted(new JobEvent.Cancelled()),
    };

    private static JobDecision.Rejected NotNow(JobState state, string why) => new(
        JobException.WrongPhase, $"the job is {state.Phase.Word()}: {why}.", "look at the job's state.");
}
