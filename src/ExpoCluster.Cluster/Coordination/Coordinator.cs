using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using Akka.Event;
using Akka.Persistence;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Cluster.Transfers;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Telemetry;
using ExpoCluster.Tensors;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>Owns one job and its journal: decides by <see cref="JobRules"/>, journals, then answers; hands out parts.</summary>
/// <remarks>Whatever it has not journalled is lost with it, and everybody else repeats what it has not acknowledged.</remarks>
public sealed class Coordinator : ReceivePersistentActor, IWithTimers, ICoordinatedJob
{
    // A file of a terabyte has that many; of a larger one holes are not looked at.
    private const int MostSealedDigestBytes = 4 << 20;

    private const int MostLostSeals = 3;

    private readonly string job;
    private readonly IActorRef writers;
    private readonly CoordinatorSettings settings;
    private readonly TimeProvider clock;
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly WorkerDirectory workers;
    private readonly HashSet<IActorRef> watchers = [];
    private readonly HashSet<int> preparedFiles = [];
    private readonly TransferDesk transfers;
    private readonly PartDesk parts;
    private readonly OutputDesk output;
    private readonly ReviewDesk review;
    private readonly JobStanding standing;

    private JobState state = JobState.Empty;
    private DateTimeOffset lastRepeat;
    private DateTimeOffset toldAt;
    private int reused;
    private int lostSeals;
    private long bytesRead;
    private long bytesWritten;
    private bool awaitsResume;
    private bool awaitsWorker;
    private IActorRef? drainRequester;
    private DateTimeOffset idleSince;

    // Null in an embedded merge, which has looked, and stops when it is full.
    private readonly SpaceWatch? space;

    public Coordinator(string job, IActorRef writers, PlanStore plans, CoordinatorSettings settings, TimeProvider clock)
    {
        this.job = job;
        this.writers = writers;
        this.settings = settings;
        this.clock = clock;
        workers = new WorkerDirectory(Context);
        IActorRef? registrar = settings.Register is { } register ? Context.ActorOf(Registrar.PropsFor(register)) : null;
        standing = new JobStanding(job, registrar, WorkerDirectory.OwnName(Context.System), clock);
        transfers = new TransferDesk(this, workers, plans, settings.LeaseDuration, clock, Context);
        parts = new PartDesk(this, workers, transfers, standing, settings, clock, Context);
        output = new OutputDesk(job, plans, settings, clock, Self);
        review = new ReviewDesk(job, Self);
        space = settings.Admission is null ? null : new SpaceWatch(clock);

        Recover<JobEvent>(journalled => state = state.Apply(journalled));
        Recover<RecoveryCompleted>(_ => OnRecovered());
        RecoverAny(foreign => throw new InvalidOperationException($"the journal holds a {foreign.GetType().Name}, which is no event of a job"));

        Command<SubmitJob>(OnSubmit);
        Command<ResumeJob>(OnResume);
        Command<CancelJob>(OnCancel);
        Command<DrainJob>(OnDrain);
        Command<WatchJob>(OnWatch);

        Command<RequestParts>(message => parts.OnRequest(message, Sender));
        Command<RenewLeases>(message => parts.OnRenew(message, Sender));
        Command<LeasesHeld>(message => parts.OnHeld(message, Sender));
        Command<PartReturned>(message => parts.OnReturned(message, Sender));

        Command<RequestTransfers>(message => transfers.OnRequest(message, Sender));
        Command<RenewTransfers>(message => transfers.OnRenew(message, Sender));
        Command<TransferDone>(message => transfers.OnDone(message, Sender));
        Command<TransferReturned>(message => transfers.OnReturned(message, Sender));
        Command<TransferDesk.NeedsRead>(transfers.OnNeedsRead);
        Command<TransferDesk.NeedsUnreadable>(transfers.OnNeedsUnreadable);

        Command<DescribeFile>(OnDescribeFile);
        Command<StagingReported>(OnStagingReported);
        Command<StagingRefused>(OnStagingRefused);
        Command<PartsReported>(OnPartsReported);
        Command<ShardSealed>(OnShardSealed);
        Command<SealRefused>(OnSealRefused);
        Command<ReviewDesk.Reviewed>(OnReviewed);
        Command<ReviewDesk.ReviewFailed>(message => Fail(new JobReason(message.Error.Code, message.Error.Message, message.Error.Advice)));

        Command<OutputDesk.Admitted>(OnAdmitted);
        Command<OutputDesk.NotAdmitted>(OnNotAdmitted);
        Command<OutputDesk.Reclaimed>(OnReclaimed);
        Command<OutputDesk.Seen>(OnOutputSeen);
        Command<OutputDesk.SeenBefore>(OnSeenBefore);
        Command<Room>(OnRoomSeen);
        Command<RoomNotSeen>(_ => space?.Miss());

        Command<OutputDesk.Prepared>(OnPrepared);
        Command<OutputDesk.SideFilesLost>(OnSideFilesLost);
        Command<OutputDesk.PublishDone>(_ => Decide(new JobCommand.CompletePublishing(), OnPublished));
        Command<OutputDesk.PublishFailed>(OnPublishFailed);
        Command<OutputDesk.StagingRemains>(_ => Timers.StartSingleTimer(nameof(RemoveStaging), RemoveStagingAgain.Instance, settings.RepeatInterval));
        Command<RemoveStagingAgain>(_ => RemoveStaging());
        Command<OutputDesk.StagingRemoved>(_ => standing.Say(Self, Left.Instance));
        Command<Left>(_ => Leave());
        Command<Tick>(_ => OnTick());

        Command<ClusterEvent.MemberUp>(message => OnWorkerUp(message.Member));
        Command<ClusterEvent.ReachableMember>(message => OnWorkerUp(message.Member));
        Command<ClusterEvent.UnreachableMember>(message => OnWorkerLost(message.Member));
        Command<ClusterEvent.MemberRemoved>(message => OnWorkerGone(message.Member));
        Command<ClusterEvent.CurrentClusterState>(_ => { });
        Command<Terminated>(message => watchers.Remove(message.ActorRef));
    }

    public override string PersistenceId => PersistenceIdOf(job);

    // There are no snapshots of jobs: a job is some thousand events, read in a fraction of a second.
    public override Recovery Recovery => new(SnapshotSelectionCriteria.None);

    public ITimerScheduler Timers { get; set; } = null!;

    private bool IsActive => state.Phase == JobPhase.Running && !awaitsResume && drainRequester is null;

    // Running, but nothing can run before more files are there.
    private string Word => Waits is not null ? JobPhase.New.Word()
        : state.Phase == JobPhase.Running && !state.OpenTransfers.IsEmpty && parts.AwaitsFiles ? "transferring"
        : state.Word;

    // That nobody is there who computes is no event of the journal's. An embedded merge, which admits nobody, computes by itself.
    private JobReason? Waits => settings.Admission is not null && state.Phase == JobPhase.Running && !awaitsResume
        && (state.CommittedParts < state.PartCount || !state.OpenTransfers.IsEmpty)
            ? workers.IsEmpty ? JobException.WithoutWorkers() : parts.DeclinedByAll
            : null;

    private OutputPaths Paths => new(state.Submission!.Output);

    string ICoordinatedJob.Id => job;

    JobState ICoordinatedJob.State => state;

    bool ICoordinatedJob.IsActive => IsActive;

    bool ICoordinatedJob.IsPrepared => preparedFiles.Count == state.Files.Length;

    bool ICoordinatedJob.HoldsOutput => output.IsClaimed;

    /// <summary>Under which a job's events are journalled.</summary>
    public static string PersistenceIdOf(string job) => "job-" + job;

    public static Props PropsFor(
        string job, IActorRef writers, PlanStore plans, CoordinatorSettings settings, TimeProvider clock) =>
        settings.Damaged.TryFind(job, out JobReason? damage)
            ? DamagedJob.PropsFor(job, damage, settings, clock)
            : Props.Create(() => new Coordinator(job, writers, plans, settings, clock));

    protected override void PreStart()
    {
        workers.Subscribe();
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, settings.TickInterval);
    }

    protected override void PostStop()
    {
        workers.Unsubscribe();
        standing.Leave();

        review.Stop();

        // Whoever takes over waits for what is still being published here.
        output.Close();
    }

    // Akka stops a persistent actor whose journal refuses; sharding starts it again, and everybody repeats.
    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        JobMetrics.DatabaseFailures.Add(JobMetrics.JournalWrite);
        StorageException error = JournalFailure.Describe(cause, state.Submission?.Output);
        log.Error("Job {Job}: {Reason}", job, error.Message);
        JobProgress progress = Progress();
        progress.JournalFailed = true;
        progress.Reason = new JobReasonFact { Code = error.Code, Message = error.Message, Advice = error.Advice };
        Tell(progress);
        settings.Stopped?.Invoke(error);
    }

    // Akka goes on after a rejection, but then what was to follow from the event never does: as well begin again from the journal.
    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        OnPersistFailure(cause, @event, sequenceNr);
        Context.Stop(Self);
    }

    // Whoever speaks to the job next has it started again; what is damaged is not read again and again, but said.
    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        JobMetrics.DatabaseFailures.Add(JobMetrics.JournalRead);
        if (JournalFailure.FindDamage(reason, job) is { } damage)
        {
            settings.Damaged.Add(job, new JobReason(damage.Code, damage.Message, damage.Advice));
            settings.Stopped?.Invoke(damage);
        }
        else
        {
            log.Warning("Job {Job}: its journal cannot be read ({Reason}); it is tried again.", job, reason.GetBaseException().Message);
            settings.Stopped?.Invoke(JournalFailure.DescribeReading(reason));
        }
    }

    protected override void PreRestart(Exception reason, object message)
    {
        log.Error(reason, "Job {Job}: its coordinator failed and is started again.", job);
        settings.Stopped?.Invoke(MemoryShortage.Of(reason) ?? new JobException(
            JobException.EngineStopped, $"the coordinator failed: {reason.Message}", "please report this as a bug of ExpoCluster.", reason));
        base.PreRestart(reason, message);
    }

    private void OnRecovered()
    {
        awaitsResume = settings.AwaitResume && state.Phase != JobPhase.New;
        reused = state.CommittedParts;
        idleSince = clock.GetUtcNow();
        standing.Register(state, Word, LastSequenceNr, Waits);
        if (state.Phase != JobPhase.New && !awaitsResume)
        {
            TakeOver(noSurvivors: false);
        }
    }

    private void OnSubmit(SubmitJob message)
    {
        if (settings.OnlyPlan is { } only && message.PlanDigest != only)
        {
            Reject(JobException.OtherPlan(job, message.PlanDigest));
        }
        else if (settings.Admission is null || state.Phase != JobPhase.New)
        {
            Accept(message);
        }
        else
        {
            output.Admit(message, settings.Admission, Sender);
        }
    }

    private void OnAdmitted(OutputDesk.Admitted message)
    {
        output.Take(message.Claim);
        Accept(message.Submission);
    }

    // What is the database's fault is repeated by whoever submitted.
    private void OnNotAdmitted(OutputDesk.NotAdmitted message)
    {
        output.Take(null);
        if (message.Cause is ExpoException refusal)
        {
            Reject(refusal);
            Leave();
        }
        else
        {
            JobMetrics.DatabaseFailures.Add(JobMetrics.OutputClaim);
            log.Warning("Job {Job}: the output could not be claimed ({Reason}).", job, message.Cause.GetBaseException().Message);
        }
    }

    private void Reject(ExpoException refusal) =>
        Sender.Tell(new JobRejected { Job = job, Code = refusal.Code, Message = refusal.Message, Advice = refusal.Advice });

    private void OnReclaimed(OutputDesk.Reclaimed message)
    {
        output.Take(message.Claim);
        if (output.IsClaimed)
        {
            parts.SettleFormer();
            Proceed();
        }
    }

    // Files that were moved away under their writers go on to be written, and nobody would ever say so.
    private void OnOutputSeen(OutputDesk.Seen message)
    {
        if (output.Settle(message) is { } reason)
        {
            Suspend(reason);
        }
    }

    private void Accept(SubmitJob message)
    {
        bool isNew = state.Phase == JobPhase.New;
        var submission = new JobEvent.Submitted(
            job, message.RecipeJson, message.Output, message.Overwrite, DateTimeOffset.FromUnixTimeMilliseconds(message.SubmittedUnixMs))
        {
            SubmittedBy = message.SubmittedBy.Length > 0 ? message.SubmittedBy : null,
            TraceParent = message.TraceParent.Length > 0 ? message.TraceParent : null,
        };
        var planned = new JobEvent.Planned(
            message.PlanDigest,
            message.NumericsVersion,
            PartGrid.PartBytes,
            [.. message.Files.Select(file => new JobFile(file.Name, file.ByteLength))],
            Math.Max(1, message.Variants))
        {
            Transfers = [.. message.Transfers.Select(TransferFacts.From)],
            PinnedRecipeJson = message.PinnedRecipeJson.Length > 0 ? message.PinnedRecipeJson : null,
            SideFiles = message.SideFiles is { } beside ? new JobSideFiles(beside.ListDigest, beside.Count, beside.ByteLength) : null,
        };
        Answer(new JobCommand.Submit(submission, planned), () =>
        {
            // Submitting again is harmless; going on is another matter.
            if (isNew)
            {
                log.Info(
                    "Job {Job}: submitted by {User}, {Files} files of {Bytes} bytes into {Output}.",
                    job, submission.SubmittedBy ?? "nobody in particular", planned.Files.Length, planned.Files.Sum(file => file.ByteLength), submission.Output);
                Begin(noSurvivors: true);
            }
        });
    }

    private void OnResume(ResumeJob message)
    {
        if (output.IsDisplaced)
        {
            output.LookBefore(message, Paths, Sender);
        }
        else
        {
            Resume(message);
        }
    }

    private void OnSeenBefore(OutputDesk.SeenBefore seen)
    {
        if (seen.Displacement is { } displacement)
        {
            Reject(displacement);
        }
        else
        {
            Resume(seen.Message);
        }
    }

    private void Resume(ResumeJob message)
    {
        IActorRef asker = Sender;
        bool rested = state.Phase is JobPhase.Suspended or JobPhase.Failed;
        Answer(new JobCommand.Resume(message.PlanDigest), () =>
        {
            if (!awaitsResume && !rested)
            {
                return;
            }

            awaitsResume = false;
            log.Debug("Job {Job} was resumed by {Asker}.", job, asker);
            TakeOver(message.NoSurvivors, message.Suspects);
        });
    }

    private void TakeOver(bool noSurvivors, IReadOnlyCollection<PartName>? suspects = null)
    {
        if (state.HasEnded)
        {
            OnEnded();
            return;
        }

        Decide(new JobCommand.TakeOver(), () =>
        {
            log.Info("Job {Job}: coordinator {Incarnation} took over with {Committed} of {Total} parts committed.", job, state.Incarnation, state.CommittedParts, state.PartCount);
            if (settings.ReviewsStaging && noSurvivors)
            {
                review.Begin(state);
            }

            Begin(noSurvivors);
            foreach (PartName suspect in suspects ?? [])
            {
                parts.Suspect(suspect);
            }
        });
    }

    /// <summary>Starts, or starts again, whatever the phase asks for.</summary>
    private void Begin(bool noSurvivors)
    {
        parts.Begin(noSurvivors);
        transfers.Begin();
        preparedFiles.Clear();
        output.Reclaim(state);
        space?.Reset(state.Files);
        preparedFiles.UnionWith(Enumerable.Range(0, state.Files.Length).Where(file => state.Files[file].IsSealed));
        Proceed();
        RepeatRequests();
        TellWatchers();
    }

    /// <summary>Does what has become possible: seals, publishes.</summary>
    private void Proceed()
    {
        if (output is { MayPublish: true, IsPublishing: false } && review.IsOver)
        {
            if (state.Phase == JobPhase.Running && state.AllSealed && state.OpenTransfers.IsEmpty)
            {
                output.Prepare(state);
            }
            else if (state.Phase == JobPhase.Publishing)
            {
                TellWatchers();
                output.Publish(state);
            }
        }

        if (drainRequester is not null && parts.IsIdle)
        {
            TellWatchers();
            drainRequester.Tell(new JobDrained { Job = job });
        }
    }

    private void OnCancel(CancelJob message)
    {
        bool hadEnded = state.HasEnded;
        Answer(new JobCommand.Cancel(), () =>
        {
            if (!hadEnded)
            {
                log.Info("Job {Job} is cancelled.", job);
            }

            OnEnded();
        });
    }

    private void OnDrain(DrainJob message)
    {
        drainRequester = Sender;
        Proceed();
        if (!parts.IsOpen)
        {
            Sender.Tell(new JobDrained { Job = job });
        }
    }

    private void OnWatch(WatchJob message)
    {
        watchers.Add(Sender);
        Context.Watch(Sender);
        Sender.Tell(Progress());
    }

    // ---- Workers ----------------------------------------------------------------------------------------------------

    private void OnWorkerUp(Member member)
    {
        workers.Add(member);
        if (state.HasEnded)
        {
            // A coordinator before this one may have had no time to say so.
            workers.Offer(member, new JobEnded { Job = job });
        }

        parts.OnWorkerUp(member);
        transfers.OfferTo(member);
    }

    private void OnWorkerLost(Member member)
    {
        string worker = WorkerDirectory.NameOf(member);
        workers.Remove(member);
        transfers.LoseWorker(worker);
        parts.OnWorkerLost(worker);
    }

    private void OnWorkerGone(Member member)
    {
        OnWorkerLost(member);
        parts.OnWorkerGone(WorkerDirectory.NameOf(member));
    }

    void ICoordinatedJob.OnInputsChanged()
    {
        parts.SeeInputs();
        standing.RegisterIfChanged(state, Word, LastSequenceNr, Waits);
        OnLeasesChanged();
    }

    void ICoordinatedJob.OnLeasesChanged() => OnLeasesChanged();

    private void OnLeasesChanged()
    {
        parts.TellInFlight();
        Proceed();
        parts.Offer();
    }

    // ---- Writers ----------------------------------------------------------------------------------------------------

    private void OnDescribeFile(DescribeFile message)
    {
        if (state.HasEnded || message.File >= state.Files.Length)
        {
            Sender.Tell(new FileEnded { Job = job, File = message.File });
            return;
        }

        Sender.Tell(new FileDescription
        {
            Job = job,
            File = message.File,
            Output = state.Submission!.Output,
            PlanDigest = state.PlanDigest!,
            Generation = state.Files[message.File].Generation,
            Committed = state.Files[message.File].CommittedParts,
            TraceParent = JobTrace.Text(standing.Above(state)),
        });
    }

    private void OnStagingReported(StagingReported message)
    {
        IActorRef writer = Sender;
        bool isNew = message.File < state.Files.Length && message.Generation != state.Files[message.File].Generation;
        Decide(new JobCommand.ReportStaging(message.File, message.Generation), () =>
        {
            writer.Tell(new StagingAcknowledged { Job = job, File = message.File, Generation = message.Generation });
            if (isNew)
            {
                parts.Reopen(message.File);
            }

            if (preparedFiles.Add(message.File))
            {
                parts.Offer();
                Proceed();
            }
        });
    }

    private void OnStagingRefused(StagingRefused message)
    {
        var reason = new JobReason(message.Code, message.Message, message.Advice);
        if (message.Code == StorageException.Full && space is not null && state.CommittedParts == 0)
        {
            GiveWay(message.Message);
        }
        else if (message.Storage)
        {
            Suspend(reason);
        }
        else
        {
            Fail(reason);
        }
    }

    private void OnPartsReported(PartsReported message)
    {
        IActorRef writer = Sender;
        var acknowledgement = new PartsAcknowledged { Job = job, File = message.File, Generation = message.Generation };
        acknowledgement.Parts.AddRange(message.Parts.Select(part => part.Part));
        var command = new JobCommand.ReportParts(
            message.File,
            message.Generation,
            [.. message.Parts.Select(part => new CommittedPart(part.Part, part.BlockDigests.Memory, part.Statistics.Memory))]);
        HashSet<int> fresh = [.. FreshParts(message)];
        Decide(
            command,
            () =>
            {
                writer.Tell(acknowledgement);
                CountCommitted(message, fresh);
            },
            rejection =>
            {
                writer.Tell(acknowledgement);
                if (rejection.Code == JobException.PartsDisagree)
                {
                    Fail(new JobReason(rejection.Code, rejection.Message, rejection.Advice));
                }
            });
    }

    // What is no part of this job is for the rules to reject.
    private IEnumerable<int> FreshParts(PartsReported message) => message.File >= state.Files.Length
        ? []
        : message.Parts.Select(part => part.Part).Where(part => part < state.Files[message.File].PartCount && !state.Files[message.File].IsCommitted(part));

    private void CountCommitted(PartsReported message, HashSet<int> fresh)
    {
        foreach (ReportedPart part in message.Parts.Where(part => fresh.Remove(part.Part)))
        {
            bytesRead += part.BytesRead;
            bytesWritten += PartGrid.Part(message.File, part.Part, state.Files[message.File].File.ByteLength).ByteCount;
            if (state.IsCommittedInAllVariants(message.File, part.Part))
            {
                parts.Complete(message.File, part);
            }
        }

        parts.Finish(message);
        JobMetrics.Move(job);
        if (state.Files[message.File].IsComplete)
        {
            RequestSeal(message.File);
        }

        OnLeasesChanged();
    }

    private void RequestSeal(int file)
    {
        JobFileState sealable = state.Files[file];
        if (state.Phase != JobPhase.Running || parts.IsLeased(file) || !parts.IsSettled || review.IsPending(file))
        {
            return;
        }

        ReadOnlyMemory<byte> first = sealable.BlockDigests[0]!.Value;
        ReadOnlyMemory<byte> last = sealable.BlockDigests[^1]!.Value;
        int digestBytes = sealable.BlockDigests.Sum(part => part!.Value.Length);
        writers.Tell(new SealFile
        {
            Job = job,
            File = file,
            Generation = sealable.Generation,
            Digest = BlockDigest.OfFile(sealable.File.ByteLength, sealable.BlockDigests.Select(part => part!.Value)),
            FirstBlockDigest = UnsafeByteOperations.UnsafeWrap(first[..BlockDigest.ByteCount]),
            LastBlockDigest = UnsafeByteOperations.UnsafeWrap(last[^BlockDigest.ByteCount..]),
            BlockDigests = digestBytes > MostSealedDigestBytes ? ByteString.Empty : BlockDigestsOf(sealable, digestBytes),
            TraceParent = JobTrace.Text(standing.Above(state)),
        });
    }

    private static ByteString BlockDigestsOf(JobFileState file, int byteCount)
    {
        byte[] all = new byte[byteCount];
        int at = 0;
        foreach (ReadOnlyMemory<byte>? part in file.BlockDigests)
        {
            part!.Value.CopyTo(all.AsMemory(at));
            at += part.Value.Length;
        }

        return UnsafeByteOperations.UnsafeWrap(all);
    }

    private void OnShardSealed(ShardSealed message)
    {
        IActorRef writer = Sender;
        Decide(new JobCommand.ReportSeal(message.File, message.Generation, message.Digest), () =>
        {
            writer.Tell(new SealAcknowledged { Job = job, File = message.File });
            Proceed();
        });
    }

    // What the storage lost once it may keep the next time; what it loses again and again nobody should trust.
    private void OnSealRefused(SealRefused message)
    {
        if (message.LostParts.Count == 0 || ++lostSeals > MostLostSeals)
        {
            Fail(new JobReason(message.Code, message.Message, message.Advice));
        }
        else
        {
            Lose(message.File, message.Generation, [.. message.LostParts], then: () => { });
        }
    }

    private void OnReviewed(ReviewDesk.Reviewed message)
    {
        if (message.Lost.IsEmpty || message.Generation != state.Files[message.File].Generation)
        {
            Settle();
        }
        else if (state.Phase == JobPhase.Publishing)
        {
            review.Settle(message);
            JobFile file = state.Files[message.File].File;
            Fail(new JobReason(
                StorageException.Damaged,
                $"{file.Name}: {message.Lost.Length} of its parts are not what was written, and it is being published already.",
                "check the storage and let nothing else write there; then begin anew with --restart."));
        }
        else if (parts.IsLeased(message.File, message.Lost))
        {
            // In a sweep another file of the same part: its bytes must be durable before anybody else writes there.
            Timers.StartSingleTimer((nameof(OnReviewed), message.File), message, settings.RepeatInterval);
        }
        else
        {
            Lose(message.File, message.Generation, message.Lost, Settle);
        }

        void Settle()
        {
            review.Settle(message);
            Proceed();
            RequestSeals();
        }
    }

    private void Lose(int file, int generation, ImmutableArray<int> lost, Action then) =>
        Decide(new JobCommand.ReportLostParts(file, generation, lost), () =>
        {
            log.Warning(
                "Job {Job}: {Parts} parts of {File} are not what was written, and are computed again.", job, lost.Length, state.Files[file].File.Name);
            reused = Math.Max(0, reused - lost.Length);
            review.CountLost(lost.Length);
            parts.OfferAgain(file, lost);
            then();
            OnLeasesChanged();
            TellWatchers();
        });

    // ---- Publishing -------------------------------------------------------------------------------------------------

    private void OnPrepared(OutputDesk.Prepared message)
    {
        output.Settle();
        Decide(new JobCommand.BeginPublishing(message.Names), Proceed);
    }

    private void OnSideFilesLost(OutputDesk.SideFilesLost message)
    {
        output.Settle();
        transfers.Lose(message.Transfers);
    }

    private void OnPublishFailed(OutputDesk.PublishFailed failure)
    {
        output.Settle();
        var reason = new JobReason(failure.Error.Code, failure.Error.Message, failure.Error.Advice);
        if (failure.Error is StorageException)
        {
            Suspend(reason);
        }
        else
        {
            Fail(reason);
        }
    }

    private void OnPublished()
    {
        output.Settle();
        standing.Record(JobTrace.Publish, state, output.PublishingSince);
        log.Info("Job {Job}: published {Files} files into {Output}.", job, state.PublishedNames.Length, Paths.Root);
        OnEnded();
    }

    // ---- Space ------------------------------------------------------------------------------------------------------

    private void LookForSpace()
    {
        if (space is { IsDue: true } && (state.AwaitsSpace || (state.Phase == JobPhase.Running && !space.HasRoom)))
        {
            space.LookAsync(Paths, job, state).PipeTo(Self, success: room => room, failure: _ => RoomNotSeen.Instance);
        }
    }

    private void OnRoomSeen(Room room)
    {
        space!.Take(room);
        if (!room.IsEnough)
        {
            AwaitSpace($"needed {room.NeededBytes:N0} bytes, free {room.FreeBytes:N0}");
        }
        else if (state.AwaitsSpace)
        {
            Decide(new JobCommand.Resume(state.PlanDigest!), () => Begin(noSurvivors: state.Incarnation == 1 && !parts.HasAssigned));
        }
        else
        {
            RepeatRequests();
        }
    }

    // Others took the space between the look and the reservation. Half of it is of no use to either, so it is given back.
    private void GiveWay(string why)
    {
        if (state.AwaitsSpace)
        {
            return;
        }

        space!.Retreat();
        AwaitSpace(why);
        for (int file = 0; file < state.Files.Length; file++)
        {
            writers.Tell(new FileEnded { Job = job, File = file });
        }

        output.RemoveStaging(state);
    }

    private void AwaitSpace(string why)
    {
        if (state.Phase == JobPhase.Running)
        {
            Suspend(new JobReason(
                StorageException.AwaitsSpace,
                $"{Paths.Root}: the output does not fit the free space now ({why}).",
                "nothing: it goes on by itself as soon as there is room. Remove something there, or cancel other jobs."));
        }
    }

    // ---- Endings ----------------------------------------------------------------------------------------------------

    void ICoordinatedJob.Suspend(JobReason reason) => Suspend(reason);

    void ICoordinatedJob.Fail(JobReason reason) => Fail(reason);

    private void Suspend(JobReason reason) => Decide(new JobCommand.Suspend(reason), () => OnStopped(reason));

    private void Fail(JobReason reason) => Decide(new JobCommand.Fail(reason), () => OnStopped(reason));

    private void OnStopped(JobReason reason)
    {
        log.Warning("Job {Job} is {State}: {Reason} ({Code})", job, state.Phase.Word(), reason.Message, reason.Code);
        StopWork();
    }

    private void StopWork()
    {
        review.Stop();
        parts.Stop();
        transfers.Stop();
        workers.TellAll(new JobEnded { Job = job });
        TellWatchers();
    }

    private void OnEnded()
    {
        StopWork();
        for (int file = 0; file < state.Files.Length; file++)
        {
            writers.Tell(new FileEnded { Job = job, File = file });
        }

        RemoveStaging();
    }

    // Tried until it succeeds, by this incarnation or, after a restart, by the next one.
    private void RemoveStaging()
    {
        // One that failed can be resumed.
        if (state.Phase != JobPhase.Failed)
        {
            output.Remove(state);
        }
    }

    // A remembered entity stops for good only by passivation.
    private void Leave()
    {
        if (!settings.AwaitResume)
        {
            Context.Parent.Tell(new Passivate(PoisonPill.Instance));
        }
    }

    // ---- Repetition -------------------------------------------------------------------------------------------------

    private void OnTick()
    {
        DateTimeOffset now = clock.GetUtcNow();
        parts.Expire();
        transfers.Expire();
        SeeWorkers();
        standing.CountAs(state, Word);
        standing.WantLanes(parts.LanesWanted + transfers.LanesWanted);
        if (state.AwaitsSpace)
        {
            LookForSpace();
        }

        if (now - lastRepeat >= settings.RepeatInterval)
        {
            output.Reclaim(state);
            if (state.Phase is JobPhase.Running or JobPhase.Publishing)
            {
                output.Look();
            }

            RepeatRequests();
        }
        else
        {
            parts.OfferSpare();
        }

        if (state.Phase == JobPhase.New && !output.IsClaiming && now - idleSince >= settings.IdleLimit)
        {
            Leave();
        }

        if (now - toldAt >= NewsInterval)
        {
            TellWatchers();
        }
    }

    // Said once, and in the list as soon as the journal has gone on.
    private void SeeWorkers()
    {
        bool waits = Waits is not null;
        if (waits != awaitsWorker)
        {
            awaitsWorker = waits;
            log.Info(waits ? "Job {Job}: it waits for a worker, for there is none." : "Job {Job}: it waits for a worker no more.", job);
            standing.RegisterIfChanged(state, Word, LastSequenceNr, Waits);
        }
    }

    // News name every file: of a job of very many they are large, and told less often, but before anybody takes the silence for an end.
    private TimeSpan NewsInterval => TimeSpan.FromMilliseconds(Math.Min(state.Files.Length / 10, 2000));

    private void RepeatRequests()
    {
        lastRepeat = clock.GetUtcNow();
        if (state.Phase != JobPhase.Running || awaitsResume)
        {
            return;
        }

        for (int file = 0; file < state.Files.Length; file++)
        {
            if (!preparedFiles.Contains(file))
            {
                if (space is { HasRoom: false })
                {
                    LookForSpace();
                    break;
                }

                writers.Tell(new PrepareFile { Job = job, File = file });
            }
        }

        parts.AskForFormerLeases();
        RequestSeals();
        parts.Offer();
        transfers.Offer();
    }

    void ICoordinatedJob.OnLeasesSettled() => RequestSeals();

    private void RequestSeals()
    {
        foreach (int file in preparedFiles.Where(file => state.Files[file] is { IsComplete: true, IsSealed: false }))
        {
            RequestSeal(file);
        }
    }

    // ---- Progress ---------------------------------------------------------------------------------------------------

    private void TellWatchers()
    {
        toldAt = clock.GetUtcNow();
        if (watchers.Count > 0)
        {
            Tell(Progress());
        }
    }

    private void Tell(JobProgress progress)
    {
        foreach (IActorRef watcher in watchers)
        {
            watcher.Tell(progress);
        }
    }

    private JobProgress Progress()
    {
        var progress = new JobProgress
        {
            Job = job,
            State = Word,
            Total = state.PartCount,
            Committed = state.CommittedParts,
            Reused = reused,
            BytesRead = bytesRead,
            BytesWritten = bytesWritten,
            Sequence = LastSequenceNr,
            Publishing = output.IsPublishing ? OutputDesk.CountNames(state) : 0,
        };
        if ((Waits ?? state.Reason) is { } reason)
        {
            progress.Reason = new JobReasonFact { Code = reason.Code, Message = reason.Message, Advice = reason.Advice };
        }

        progress.Files.AddRange(state.Files.Select(file => new FileProgress
        {
            Name = file.File.Name,
            ByteLength = file.File.ByteLength,
            Parts = file.PartCount,
            Committed = file.CommittedParts,
            Sealed = file.IsSealed,
            BytesCommitted = file.CommittedBytes,
            CommittedParts = PartBits.Of(file),
        }));
        progress.Transfers.AddRange(transfers.Describe());
        parts.TellIn(progress);
        review.TellIn(progress);
        return progress;
    }

    // ---- Decisions --------------------------------------------------------------------------------------------------

    private void Answer(JobCommand command, Action accepted)
    {
        IActorRef asker = Sender;
        long before = LastSequenceNr;
        Decide(
            command,
            () =>
            {
                standing.Say(asker, new JobAccepted { Job = job, WasSo = before == LastSequenceNr });
                accepted();
            },
            rejection => asker.Tell(new JobRejected
            {
                Job = job, Code = rejection.Code, Message = rejection.Message, Advice = rejection.Advice,
            }));
    }

    void ICoordinatedJob.Decide(JobCommand command, Action then, Action<JobDecision.Rejected>? rejected) => Decide(command, then, rejected);

    /// <summary>Decides, journals what follows, and only then goes on: with what was accepted before, at once.</summary>
    private void Decide(JobCommand command, Action then, Action<JobDecision.Rejected>? rejected = null)
    {
        switch (JobRules.Decide(state, command))
        {
            case JobDecision.Accepted accepted:
                int left = accepted.Events.Length;
                long began = Stopwatch.GetTimestamp();
                PersistAll(accepted.Events, journalled =>
                {
                    state = state.Apply(journalled);
                    if (--left == 0)
                    {
                        JobMetrics.CountWrite(accepted.Events.Length, Stopwatch.GetElapsedTime(began));
                        standing.Follow(accepted.Events, state, Word, LastSequenceNr, Waits);
                        then();
                        standing.RegisterIfChanged(state, Word, LastSequenceNr, Waits);
                    }
                });
                break;
            case JobDecision.Ignored ignored:
                log.Debug("Job {Job}: {Why}", job, ignored.Why);
                then();
                break;
            case JobDecision.Rejected rejection:
                log.Debug("Job {Job}: {Why}", job, rejection.Message);
                rejected?.Invoke(rejection);
                break;
        }
    }

    private sealed class RoomNotSeen
    {
        public static readonly RoomNotSeen Instance = new();
    }

    private sealed class RemoveStagingAgain
    {
        public static readonly RemoveStagingAgain Instance = new();
    }

    private sealed class Left
    {
        public static readonly Left Instance = new();
    }

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }
}
