using System.Collections.Immutable;
using System.Diagnostics;
using Akka.Actor;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using Akka.Event;
using Akka.Persistence;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Cluster.Transfers;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Telemetry;
using ExpoCluster.Tensors;
using Google.Protobuf;
using Google.Protobuf.Collections;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>Owns one job and its journal: decides by <see cref="JobRules"/>, journals, then answers; hands out parts.</summary>
/// <remarks>Whatever it has not journalled is lost with it, and everybody else repeats what it has not acknowledged.</remarks>
public sealed class Coordinator : ReceivePersistentActor, IWithTimers, ITransferringJob
{
    private readonly string job;
    private readonly IActorRef writers;
    private readonly PlanStore plans;
    private readonly CoordinatorSettings settings;
    private readonly TimeProvider clock;
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly WorkerDirectory workers;
    private readonly HashSet<IActorRef> watchers = [];
    private readonly HashSet<int> preparedFiles = [];
    private readonly TransferDesk transfers;
    private readonly JobChronicle chronicle = new();

    private JobState state = JobState.Empty;
    private PartSchedule? schedule;
    private FormerLeases? former;
    private DateTimeOffset lastRepeat;
    private DateTimeOffset toldAt;
    private int reused;
    private long bytesRead;
    private long bytesWritten;
    private bool awaitsResume;
    private bool publishing;
    private IActorRef? drainRequester;
    private OutputClaim? claim;
    private bool claiming;
    private bool hasAssigned;
    private DateTimeOffset idleSince;
    private Task sequence = Task.CompletedTask;
    private readonly IActorRef? registrar;
    private string registeredWord = "";
    private long registeredSequence;
    private string countedWord = "";
    private DateTimeOffset publishingSince;

    // Null in an embedded merge, which has looked, and stops when it is full.
    private readonly SpaceWatch? space;

    public Coordinator(string job, IActorRef writers, PlanStore plans, CoordinatorSettings settings, TimeProvider clock)
    {
        this.job = job;
        this.writers = writers;
        this.plans = plans;
        this.settings = settings;
        this.clock = clock;
        workers = new WorkerDirectory(Context);
        transfers = new TransferDesk(this, workers, plans, settings.LeaseDuration, clock, Context);
        space = settings.Admission is null ? null : new SpaceWatch(clock);
        registrar = settings.Register is { } register ? Context.ActorOf(Registrar.PropsFor(register)) : null;

        Recover<JobEvent>(journalled => state = state.Apply(journalled));
        Recover<RecoveryCompleted>(_ => OnRecovered());

        Command<SubmitJob>(OnSubmit);
        Command<ResumeJob>(OnResume);
        Command<CancelJob>(OnCancel);
        Command<DrainJob>(OnDrain);
        Command<WatchJob>(OnWatch);

        Command<RequestParts>(OnRequestParts);
        Command<RenewLeases>(OnRenewLeases);
        Command<LeasesHeld>(OnLeasesHeld);
        Command<PartReturned>(OnPartReturned);

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

        Command<Admitted>(OnAdmitted);
        Command<NotAdmitted>(OnNotAdmitted);
        Command<Reclaimed>(OnReclaimed);
        Command<Room>(OnRoomSeen);
        Command<RoomNotSeen>(_ => space?.Miss());

        Command<Prepared>(OnPrepared);
        Command<SideFilesLost>(OnSideFilesLost);
        Command<PublishDone>(_ => Decide(new JobCommand.CompletePublishing(), OnPublished));
        Command<PublishFailed>(OnPublishFailed);
        Command<StagingRemains>(_ => Timers.StartSingleTimer(nameof(RemoveStaging), RemoveStagingAgain.Instance, settings.RepeatInterval));
        Command<RemoveStagingAgain>(_ => RemoveStaging());
        Command<StagingRemoved>(_ => Say(Self, Left.Instance));
        Command<Left>(_ => Leave());
        Command<Tick>(_ => OnTick());

        Command<ClusterEvent.MemberUp>(message => OnWorkerUp(message.Member));
        Command<ClusterEvent.ReachableMember>(message => OnWorkerUp(message.Member));
        Command<ClusterEvent.UnreachableMember>(message => OnWorkerLost(message.Member));
        Command<ClusterEvent.MemberRemoved>(message => OnWorkerGone(message.Member));
        Command<ClusterEvent.CurrentClusterState>(_ => { });
        Command<Terminated>(message => watchers.Remove(message.ActorRef));
    }

    public override string PersistenceId => "job-" + job;

    // There are no snapshots of jobs: a job is some thousand events, read in a fraction of a second.
    public override Recovery Recovery => new(SnapshotSelectionCriteria.None);

    public ITimerScheduler Timers { get; set; } = null!;

    private bool IsActive => state.Phase == JobPhase.Running && !awaitsResume && drainRequester is null;

    private bool MayAssign => IsActive
        && schedule is not null
        && preparedFiles.Count == state.Files.Length;

    // Running, but nothing can run before more files are there.
    private string Word => state.Phase == JobPhase.Running && !state.OpenTransfers.IsEmpty && (schedule?.AwaitsFiles ?? true)
        ? "transferring"
        : state.Word;

    JobState ITransferringJob.State => state;

    bool ITransferringJob.IsActive => IsActive;

    // Two coordinators of one job must not publish at the same time; they compute the same bytes whenever they like.
    private bool MayPublish => settings.Admission is null || claim is not null;

    public static Props PropsFor(
        string job, IActorRef writers, PlanStore plans, CoordinatorSettings settings, TimeProvider clock) =>
        Props.Create(() => new Coordinator(job, writers, plans, settings, clock));

    protected override void PreStart()
    {
        workers.Subscribe();
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, settings.TickInterval);
    }

    protected override void PostStop()
    {
        workers.Unsubscribe();
        CountAs("");
        if (claim is { } held)
        {
            // Whoever takes over waits for what is still being published here.
            sequence.ContinueWith(_ => held.Dispose(), TaskScheduler.Default);
        }
    }

    // Akka stops a persistent actor whose journal refuses; sharding starts it again, and everybody repeats.
    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        JobMetrics.DatabaseFailures.Add(JobMetrics.JournalWrite);
        StorageException error = JournalFailure.Describe(cause);
        log.Error("Job {Job}: {Reason}", job, error.Message);
        JobProgress progress = Progress();
        progress.JournalFailed = true;
        progress.Reason = new JobReasonFact { Code = error.Code, Message = error.Message, Advice = error.Advice };
        Tell(progress);
    }

    // Whoever speaks to the job next has it started again.
    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        JobMetrics.DatabaseFailures.Add(JobMetrics.JournalRead);
        log.Warning("Job {Job}: its journal cannot be read ({Reason}); it is tried again.", job, reason.GetBaseException().Message);
    }

    private void OnRecovered()
    {
        awaitsResume = settings.AwaitResume && state.Phase != JobPhase.New;
        reused = state.CommittedParts;
        idleSince = clock.GetUtcNow();
        Register();
        CountAs(Word);
        if (state.Phase != JobPhase.New && !awaitsResume)
        {
            TakeOver(noSurvivors: false);
        }
    }

    private void OnSubmit(SubmitJob message)
    {
        if (settings.Admission is null || state.Phase != JobPhase.New)
        {
            Accept(message);
        }
        else if (!claiming)
        {
            claiming = true;
            settings.Admission.AdmitAsync(new OutputPaths(message.Output), job, message.PlanDigest)
                .PipeTo(Self, Sender, admitted => new Admitted(message, admitted), exception => new NotAdmitted(exception));
        }
    }

    private void OnAdmitted(Admitted message)
    {
        claiming = false;
        claim = message.Claim;
        Accept(message.Submission);
    }

    // What is the database's fault is repeated by whoever submitted.
    private void OnNotAdmitted(NotAdmitted message)
    {
        claiming = false;
        if (message.Cause is ExpoException refusal)
        {
            Sender.Tell(new JobRejected { Job = job, Code = refusal.Code, Message = refusal.Message, Advice = refusal.Advice });
            Leave();
        }
        else
        {
            JobMetrics.DatabaseFailures.Add(JobMetrics.OutputClaim);
            log.Warning("Job {Job}: the output could not be claimed ({Reason}).", job, message.Cause.GetBaseException().Message);
        }
    }

    private void Reclaim()
    {
        if (MayPublish || claiming || state.Phase == JobPhase.New || state.HasEnded)
        {
            return;
        }

        claiming = true;
        OutputAdmission.ReclaimAsync(Paths, job, state.PlanDigest!)
            .PipeTo(Self, success: reclaimed => new Reclaimed(reclaimed), failure: _ => new Reclaimed(null));
    }

    private void OnReclaimed(Reclaimed message)
    {
        claiming = false;
        claim = message.Claim;
        if (claim is not null)
        {
            SettleFormerLeases();
            Proceed();
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
            Begin(noSurvivors);
            foreach (PartName suspect in suspects ?? [])
            {
                schedule?.Suspect(suspect.File, suspect.Part);
            }
        });
    }

    /// <summary>Starts, or starts again, whatever the phase asks for.</summary>
    private void Begin(bool noSurvivors)
    {
        schedule ??= new PartSchedule(state, settings.LeaseDuration);
        schedule.SeeInputs(state, transfers.Needs);
        transfers.Begin();
        former = FormerLeases.Of(state, noSurvivors ? clock.GetUtcNow() : clock.GetUtcNow() + settings.LeaseDuration);
        preparedFiles.Clear();
        Reclaim();
        space?.Reset(state.Files);
        preparedFiles.UnionWith(Enumerable.Range(0, state.Files.Length).Where(file => state.Files[file].IsSealed));
        Proceed();
        RepeatRequests();
        TellWatchers();
    }

    /// <summary>Does what has become possible: seals, publishes.</summary>
    private void Proceed()
    {
        if (state.Phase == JobPhase.Running && state.AllSealed && state.OpenTransfers.IsEmpty && MayPublish)
        {
            Prepare();
        }
        else if (state.Phase == JobPhase.Publishing && MayPublish)
        {
            Publish();
        }

        if (drainRequester is not null && schedule is { Leases.Count: 0 })
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
        if (schedule is null)
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

    private void OnRequestParts(RequestParts message)
    {
        workers.Learn(message.Worker, Sender);
        if (MayAssign && schedule!.HasWork(clock.GetUtcNow()))
        {
            // Whoever takes over must know whom to ask for leases.
            IActorRef worker = Sender;
            Decide(new JobCommand.Engage(message.Worker), () => Assign(message, worker));
        }
        else
        {
            Assign(message, Sender);
        }
    }

    private void Assign(RequestParts message, IActorRef worker)
    {
        ImmutableArray<PartLease> leases = MayAssign
            ? schedule!.Assign(state, message.Worker, message.Count, clock.GetUtcNow())
            : [];
        if (leases.IsEmpty)
        {
            worker.Tell(new NoParts { Job = job, Ended = state.HasEnded });
            return;
        }

        hasAssigned = true;
        chronicle.Assigned(leases.Length);
        // In the claim before a worker can touch the inputs: if they kill it, the next run knows which part it was.
        settings.InFlight?.Invoke([.. schedule!.Leases]);
        var assignment = new AssignParts
        {
            Job = job,
            Output = state.Submission!.Output,
            PlanDigest = state.PlanDigest!,
            Incarnation = state.Incarnation,
            LeaseMs = (int)settings.LeaseDuration.TotalMilliseconds,
            TraceParent = JobTrace.Text(Above),
        };
        assignment.Parts.AddRange(leases.Select(AssignmentOf));
        worker.Tell(assignment);
    }

    private Assignment AssignmentOf(PartLease lease)
    {
        var assignment = new Assignment
        {
            Number = lease.Attempt.Number,
            File = lease.File,
            Part = lease.Part,
            Generation = lease.Generation,
            PositionedReads = lease.Mode == ReadMode.Positioned,
        };
        if (state.Variants > 1)
        {
            assignment.Targets.AddRange(state.UncommittedVariants(lease.File, lease.Part)
                .Select(file => new TargetFile { File = file, Generation = state.Files[file].Generation }));
        }

        return assignment;
    }

    private void OnRenewLeases(RenewLeases message)
    {
        workers.Learn(message.Worker, Sender);
        RenewAll(message.Worker, message.Leases);
    }

    // Only what is taken over is known; a worker that was told to stop is asked again until it has.
    private void OnLeasesHeld(LeasesHeld message)
    {
        workers.Learn(message.Worker, Sender);
        if (message.Incarnation == state.Incarnation && RenewAll(message.Worker, message.Leases))
        {
            former?.Settle(message.Worker);
            SettleFormerLeases();
        }
    }

    /// <summary>Renews or takes over what can be, and says so.</summary>
    /// <returns>Whether that was all.</returns>
    private bool RenewAll(string worker, RepeatedField<HeldLease> leases)
    {
        var answer = new LeasesRenewed { Job = job, LeaseMs = (int)settings.LeaseDuration.TotalMilliseconds };
        bool moves = workers.HasMoved(worker, leases.Sum(lease => lease.BytesDone));
        foreach (HeldLease lease in leases)
        {
            bool held = Renew(worker, lease, moves);
            var name = new AttemptName { Incarnation = lease.Incarnation, Number = lease.Number };
            (held ? answer.Renewed : answer.Lost).Add(name);
        }

        if (leases.Count > 0)
        {
            Sender.Tell(answer);
        }

        return answer.Lost.Count == 0;
    }

    private void AskForFormerLeases()
    {
        foreach (string member in workers.Members)
        {
            former?.Succeed(member);
        }

        foreach (string worker in former?.Unanswered ?? [])
        {
            workers.Tell(worker, new ReportLeases { Job = job, Incarnation = state.Incarnation });
        }

        SettleFormerLeases();
    }

    private void SettleFormerLeases()
    {
        // The claim is locked by the process, so whoever has it knows that no earlier one is alive.
        bool areLeft = former?.AreLeft(clock.GetUtcNow()) == true && !(settings.IsAlone && claim is not null);
        if (former is not null && !areLeft && state.Phase == JobPhase.Running)
        {
            former = null;
            Decide(new JobCommand.SettleLeases(), RequestSeals);
        }
    }

    private bool Renew(string worker, HeldLease lease, bool moves)
    {
        if (schedule is null || awaitsResume || state.Phase != JobPhase.Running)
        {
            return false;
        }

        var attempt = new Attempt(lease.Incarnation, lease.Number);
        DateTimeOffset now = clock.GetUtcNow();
        return schedule.Renew(attempt, worker, lease.BytesDone, moves, now)
            || (lease.Incarnation < state.Incarnation
                && schedule.Adopt(state, attempt, lease.File, lease.Part, lease.Generation, worker, now));
    }

    private void OnPartReturned(PartReturned message)
    {
        Sender.Tell(new ReturnAcknowledged { Job = job, Incarnation = message.Incarnation, Number = message.Number });
        var attempt = new Attempt(message.Incarnation, message.Number);
        if (message.Code.Length > 0 && schedule?.Find(attempt) is { } returned)
        {
            chronicle.Failed(returned, message.Code, message.Message, clock.GetUtcNow());
        }

        int failures = schedule?.Release(attempt, asFailure: message.Kind == ReturnKind.Transient) ?? 0;
        var reason = new JobReason(message.Code, message.Message, message.Advice);
        switch (message.Kind)
        {
            case ReturnKind.Input or ReturnKind.Fatal:
                Fail(reason);
                break;
            case ReturnKind.Storage:
                Suspend(reason);
                break;
            case ReturnKind.Missing when !transfers.Lose([message.Input]):
                Fail(reason);
                break;
            case ReturnKind.Transient when failures >= PartSchedule.MaxFailures:
                Fail(reason with { Message = $"a part failed {failures} times, the last time: {reason.Message}" });
                break;
            default:
                OnLeasesChanged();
                break;
        }
    }

    private void OnWorkerUp(Member member)
    {
        workers.Add(member);
        schedule?.FindWorker(WorkerDirectory.NameOf(member));
        schedule?.SucceedWorkers(WorkerDirectory.NameOf(member));
        if (state.HasEnded)
        {
            // A coordinator before this one may have had no time to say so.
            workers.Offer(member, new JobEnded { Job = job });
        }
        else if (MayAssign && schedule!.HasWork(clock.GetUtcNow()))
        {
            workers.Offer(member, new WorkAvailable { Job = job });
        }

        transfers.OfferTo(member);
    }

    private void OnWorkerLost(Member member)
    {
        string worker = WorkerDirectory.NameOf(member);
        workers.Remove(member);
        transfers.LoseWorker(worker);
        if (schedule?.LoseWorker(worker) is { IsEmpty: false } lost)
        {
            log.Warning("Job {Job}: worker {Worker} was lost; its {Parts} parts are offered again.", job, worker, lost.Length);
            NoteFailures(lost, "the worker was lost; the part is offered again");
            OnLeasesChanged();
        }
    }

    private void OnWorkerGone(Member member)
    {
        OnWorkerLost(member);
        if (schedule?.BuryWorker(WorkerDirectory.NameOf(member)) is { } deadly)
        {
            string file = state.Files[deadly.File].File.Name;
            Fail(new JobReason(
                JobException.DeadlyPart,
                $"{file}: part {deadly.Part} was run alone and its worker died, {PartSchedule.MaxDeaths} times, the last time {deadly.Worker}.",
                "look at the workers' machines and at the inputs; then resume the job."));
        }
    }

    private void NoteFailures(ImmutableArray<PartLease> leases, string why)
    {
        foreach (PartLease lease in leases)
        {
            chronicle.Failed(lease, code: "", why, clock.GetUtcNow());
        }
    }

    private void OnLeasesChanged()
    {
        if (schedule is not null)
        {
            settings.InFlight?.Invoke([.. schedule.Leases]);
        }

        Proceed();
        OfferWork();
    }

    void ITransferringJob.OnInputsChanged()
    {
        schedule?.SeeInputs(state, transfers.Needs);
        RegisterIfChanged();
        OnLeasesChanged();
    }

    private void OfferWork()
    {
        if (MayAssign && schedule!.HasWork(clock.GetUtcNow()))
        {
            workers.TellAll(new WorkAvailable { Job = job });
        }
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
            TraceParent = JobTrace.Text(Above),
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
                schedule?.Reopen(state, message.File);
            }

            if (preparedFiles.Add(message.File))
            {
                OfferWork();
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
                if (schedule?.Find(new Attempt(part.Incarnation, part.Number)) is { } lease)
                {
                    chronicle.Finished(lease, clock.GetUtcNow());
                }

                schedule?.Complete(message.File, part.Part);
            }
        }

        foreach (ReportedPart part in message.Parts)
        {
            schedule?.Finish(new Attempt(part.Incarnation, part.Number));
        }

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
        if (state.Phase != JobPhase.Running || schedule!.IsLeased(file) || former is not null)
        {
            return;
        }

        ReadOnlyMemory<byte> first = sealable.BlockDigests[0]!.Value;
        ReadOnlyMemory<byte> last = sealable.BlockDigests[^1]!.Value;
        writers.Tell(new SealFile
        {
            Job = job,
            File = file,
            Generation = sealable.Generation,
            Digest = BlockDigest.OfFile(sealable.File.ByteLength, sealable.BlockDigests.Select(part => part!.Value)),
            FirstBlockDigest = UnsafeByteOperations.UnsafeWrap(first[..BlockDigest.ByteCount]),
            LastBlockDigest = UnsafeByteOperations.UnsafeWrap(last[^BlockDigest.ByteCount..]),
            TraceParent = JobTrace.Text(Above),
        });
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

    private void OnSealRefused(SealRefused message) =>
        Fail(new JobReason(message.Code, message.Message, message.Advice));

    // ---- Publishing -------------------------------------------------------------------------------------------------

    private void Prepare()
    {
        if (publishing)
        {
            return;
        }

        publishing = true;
        publishingSince = clock.GetUtcNow();
        JobState sealedState = state;
        RunSequence(sequence =>
        {
            Plan plan = plans.Load(Paths.Plan(job), sealedState.PlanDigest!);
            if (sequence.FindLost(plan, sealedState.Transfers) is { IsEmpty: false } lost)
            {
                return new SideFilesLost(lost);
            }

            Recipe recipe = Recipe.FromCanonicalJson(sealedState.RecipeJson);
            return new Prepared(sequence.Prepare(plan, recipe, sealedState.Files, settings.Version));
        });
    }

    private void OnPrepared(Prepared message)
    {
        publishing = false;
        Decide(new JobCommand.BeginPublishing(message.Names), Proceed);
    }

    private void OnSideFilesLost(SideFilesLost message)
    {
        publishing = false;
        transfers.Lose(message.Transfers);
    }

    private void Publish()
    {
        if (publishing)
        {
            return;
        }

        publishing = true;
        publishingSince = publishingSince == default ? clock.GetUtcNow() : publishingSince;
        JobState sealedState = state;
        TellWatchers();
        RunSequence(sequence =>
        {
            sequence.Publish(sealedState.PublishedNames, sealedState.Submission!.Overwrite, sealedState.Files);
            return PublishDone.Instance;
        });
    }

    private void RunSequence(Func<PublishSequence, object> step)
    {
        OutputPaths output = Paths;
        var publishSequence = new PublishSequence(output, job, settings.HubCache, settings.StorageRoots);
        Task<object> run = OwnThread.Run(() =>
        {
            try
            {
                return step(publishSequence);
            }
            catch (ExpoException exception)
            {
                return new PublishFailed(exception);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return new PublishFailed(StorageException.From(exception, output.Root, "publish the output"));
            }
        });
        sequence = run;
        run.PipeTo(Self);
    }

    private void OnPublishFailed(PublishFailed failure)
    {
        publishing = false;
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
        publishing = false;
        Record(JobTrace.Publish, publishingSince);
        log.Info("Job {Job}: published {Files} files into {Output}.", job, state.PublishedNames.Length, Paths.Root);
        OnEnded();
    }

    private OutputPaths Paths => new(state.Submission!.Output);

    // ---- Endings ----------------------------------------------------------------------------------------------------

    void ITransferringJob.Suspend(JobReason reason) => Suspend(reason);

    void ITransferringJob.Fail(JobReason reason) => Fail(reason);

    private void Suspend(JobReason reason) => Decide(new JobCommand.Suspend(reason), () => OnStopped(reason));

    // ---- Space ------------------------------------------------------------------------------------------------------

    private void LookForSpace()
    {
        if (space is { IsDue: true } && (state.AwaitsSpace || (state.Phase == JobPhase.Running && !space.HasRoom)))
        {
            space.LookAsync(Paths, job, state.Files).PipeTo(Self, success: room => room, failure: _ => RoomNotSeen.Instance);
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
            Decide(new JobCommand.Resume(state.PlanDigest!), () => Begin(noSurvivors: state.Incarnation == 1 && !hasAssigned));
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

        OutputPaths paths = Paths;
        ImmutableArray<JobFileState> files = state.Files;
        sequence = OwnThread.Run(() =>
        {
            WorkspaceSweep.RemoveStaging(paths, job, files);
            return true;
        });
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

    private void Fail(JobReason reason) => Decide(new JobCommand.Fail(reason), () => OnStopped(reason));

    private void OnStopped(JobReason reason)
    {
        log.Warning("Job {Job} is {State}: {Reason} ({Code})", job, state.Phase.Word(), reason.Message, reason.Code);
        StopWork();
    }

    private void StopWork()
    {
        schedule = null;
        transfers.Stop();
        workers.TellAll(new JobEnded { Job = job });
        settings.InFlight?.Invoke([]);
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
        if (state.Phase == JobPhase.Failed)
        {
            // It can be resumed.
            return;
        }

        plans.Forget(state.PlanDigest!);
        OutputPaths paths = Paths;
        ImmutableArray<JobFileState> files = state.Files;
        OutputClaim? held = claim;
        claim = null;
        Task<bool> removal = settings.Admission is { } admission ? admission.ReleaseAsync(paths, job, files, held) : OwnThread.Run(() =>
        {
            WorkspaceSweep.Remove(paths, job, files);
            return true;
        });
        sequence = removal;
        removal.PipeTo(Self, success: removed => removed ? StagingRemoved.Instance : StagingRemains.Instance, failure: _ => StagingRemains.Instance);
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
        if (schedule?.Expire(now) is { IsEmpty: false } expired)
        {
            log.Warning("Job {Job}: {Parts} parts made no progress for {Patience}; they are offered again.", job, expired.Length, settings.LeaseDuration);
            NoteFailures(expired, $"no progress for {settings.LeaseDuration.TotalSeconds:0} s; the part is offered again");
            OnLeasesChanged();
        }

        transfers.Expire();
        CountAs(Word);
        if (state.AwaitsSpace)
        {
            LookForSpace();
        }

        if (now - lastRepeat >= settings.RepeatInterval)
        {
            Reclaim();
            RepeatRequests();
        }
        else if (MayAssign && schedule!.HasSpare(now))
        {
            // At the end of a job whoever is free is not to wait for the next repetition.
            workers.TellAll(new WorkAvailable { Job = job });
        }

        if (state.Phase == JobPhase.New && !claiming && now - idleSince >= settings.IdleLimit)
        {
            Leave();
        }

        if (now - toldAt >= NewsInterval)
        {
            TellWatchers();
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

        AskForFormerLeases();
        RequestSeals();
        OfferWork();
        transfers.Offer();
    }

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
        };
        if (state.Reason is { } reason)
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
        progress.Lanes.AddRange((schedule?.Leases ?? []).Select(lease => new LaneProgress
        {
            Worker = lease.Worker,
            File = lease.File,
            Part = lease.Part,
            BytesDone = lease.BytesDone * state.Variants,
            ByteCount = PartGrid.Part(lease.File, lease.Part, state.Files[lease.File].File.ByteLength).ByteCount * state.Variants,
        }));
        progress.Transfers.AddRange(transfers.Describe());
        chronicle.TellIn(progress);
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
                Say(asker, new JobAccepted { Job = job, WasSo = before == LastSequenceNr });
                accepted();
            },
            rejection => asker.Tell(new JobRejected
            {
                Job = job, Code = rejection.Code, Message = rejection.Message, Advice = rejection.Advice,
            }));
    }

    void ITransferringJob.Decide(JobCommand command, Action then, Action<JobDecision.Rejected> rejected) => Decide(command, then, rejected);

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
                        CountEnd(accepted.Events);
                        if (accepted.Events.Any(ChangesState))
                        {
                            Register();
                        }

                        then();
                        RegisterIfChanged();
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

    // ---- Telemetry --------------------------------------------------------------------------------------------------

    // Journalled with the job, so that whoever takes over goes on in the same trace; and where nothing was journalled, it follows from the id.
    private ActivityContext Above => JobTrace.Above(state.Submission?.TraceParent ?? "", job);

    private void Record(string span, DateTimeOffset start) => JobTrace.Record(
        span,
        Above,
        start,
        [
            new(JobTrace.JobAttribute, job),
            new(JobTrace.NodeAttribute, WorkerDirectory.OwnName(Context.System)),
            new(JobTrace.OutcomeAttribute, state.Word),
        ],
        state.Phase == JobPhase.Failed ? state.Reason?.Message : null);

    private void CountEnd(ImmutableArray<JobEvent> journalled)
    {
        if (journalled.Any(journalledEvent => journalledEvent is JobEvent.Published or JobEvent.Failed or JobEvent.Cancelled))
        {
            JobMetrics.JobsEnded.Add(state.Word);
            Record(JobTrace.Job, state.Submission!.At);
        }
    }

    /// <param name="word">The state that it is counted under; empty for none.</param>
    private void CountAs(string word)
    {
        string counted = state.Phase == JobPhase.New ? "" : word;
        if (counted == "running")
        {
            JobMetrics.Run(job);
        }
        else
        {
            JobMetrics.Rest(job);
        }

        if (counted == countedWord)
        {
            return;
        }

        if (countedWord.Length > 0)
        {
            JobMetrics.Jobs.Add(countedWord, -1);
        }

        if (counted.Length > 0)
        {
            JobMetrics.Jobs.Add(counted);
        }

        countedWord = counted;
    }

    // ---- The list of jobs -------------------------------------------------------------------------------------------

    private static bool ChangesState(JobEvent journalled) => journalled is not (
        JobEvent.StagingCreated or JobEvent.PartsCommitted or JobEvent.FileSealed
        or JobEvent.CoordinatorStarted or JobEvent.WorkerEngaged or JobEvent.LeasesSettled
        or JobEvent.FilesTransferred or JobEvent.FilesLost);

    // Whether anything can run is no event of the journal's, but follows from those. The register knows one state of a job for each of
    // them, so what changes without one is written with the next.
    private void RegisterIfChanged()
    {
        if (Word != registeredWord && LastSequenceNr > registeredSequence)
        {
            Register();
        }
    }

    private void Register()
    {
        CountAs(Word);
        if (registrar is not null && state.Phase != JobPhase.New)
        {
            registeredWord = Word;
            registeredSequence = LastSequenceNr;
            registrar.Tell(RegisterEntry.Of(state, Word, LastSequenceNr, clock.GetUtcNow()));
        }
    }

    /// <summary>Says it when what was journalled before stands in the list, so that whoever hears it finds it there.</summary>
    private void Say(IActorRef to, object message)
    {
        if (registrar is null)
        {
            to.Tell(message);
        }
        else
        {
            registrar.Tell(new Registrar.Saying(to, message));
        }
    }

    private sealed record Admitted(SubmitJob Submission, OutputClaim Claim);

    private sealed record NotAdmitted(Exception Cause);

    private sealed record Reclaimed(OutputClaim? Claim);

    private sealed record Prepared(ImmutableArray<string> Names);

    private sealed record SideFilesLost(ImmutableArray<int> Transfers);

    private sealed record PublishFailed(ExpoException Error);

    private sealed class RoomNotSeen
    {
        public static readonly RoomNotSeen Instance = new();
    }

    private sealed class PublishDone
    {
        public static readonly PublishDone Instance = new();
    }

    private sealed class StagingRemoved
    {
        public static readonly StagingRemoved Instance = new();
    }

    private sealed class StagingRemains
    {
        public static readonly StagingRemains Instance = new();
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
