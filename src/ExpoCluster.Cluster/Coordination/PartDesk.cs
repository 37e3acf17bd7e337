using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Telemetry;
using Google.Protobuf.Collections;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>The coordinator's part in computing: gives parts out to workers, keeps their leases, and hears how they get on.</summary>
internal sealed class PartDesk(
    ICoordinatedJob job, WorkerDirectory workers, TransferDesk transfers, JobStanding standing, CoordinatorSettings settings, TimeProvider clock, IActorContext context)
{
    private readonly ILoggingAdapter log = Logging.GetLogger(context);
    private readonly JobChronicle chronicle = new();
    private readonly Dictionary<string, JobReason> declined = new(StringComparer.Ordinal);
    private PartSchedule? schedule;
    private FormerLeases? former;

    /// <summary>Some part was given out by this coordinator.</summary>
    public bool HasAssigned { get; private set; }

    /// <summary>Nobody has a part.</summary>
    public bool IsIdle => schedule is { Leases.Count: 0 };

    /// <summary>Work is given out and taken back.</summary>
    public bool IsOpen => schedule is not null;

    /// <summary>Nothing can run before more files of the Hub are there.</summary>
    public bool AwaitsFiles => schedule?.AwaitsFiles ?? true;

    /// <summary>No worker can be at a part for an earlier coordinator.</summary>
    public bool IsSettled => former is null;

    /// <summary>Lanes that the job could keep busy now, whether they are there or not.</summary>
    public int LanesWanted => MayAssign ? schedule!.LanesWanted : 0;

    /// <summary>Why none of the workers that are there computes the job; null where one may.</summary>
    public JobReason? DeclinedByAll => declined.Count > 0 && workers.Members.All(declined.ContainsKey)
        ? JobException.DeclinedByAll(declined.Last().Value)
        : null;

    private bool MayAssign => schedule is not null && job.IsActive && job.IsPrepared;

    private bool HasWork => MayAssign && schedule!.HasWork(clock.GetUtcNow());

    /// <summary>Starts, or starts again.</summary>
    /// <param name="noSurvivors">No worker of an earlier coordinator can be alive.</param>
    public void Begin(bool noSurvivors)
    {
        schedule ??= new PartSchedule(job.State, settings.LeaseDuration);
        former = FormerLeases.Of(job.State, noSurvivors ? clock.GetUtcNow() : clock.GetUtcNow() + settings.LeaseDuration);
        SeeInputs();
    }

    public void Stop()
    {
        schedule = null;
        try
        {
            settings.InFlight?.Invoke([]);
        }
        catch (StorageException exception)
        {
            // What stays written down is run alone once more, and that is all.
            log.Debug("Job {Job}: {Reason}", job.Id, exception.Message);
        }
    }

    /// <summary>A part that was under way when a process died.</summary>
    public void Suspect(PartName part) => schedule?.Suspect(part.File, part.Part);

    public void SeeInputs() => schedule?.SeeInputs(job.State, transfers.Needs);

    /// <summary>A file has a new generation: all its parts are open again.</summary>
    public void Reopen(int file) => schedule?.Reopen(job.State, file);

    public bool IsLeased(int file) => schedule?.IsLeased(file) == true;

    /// <summary>Somebody is at one of these parts, for whichever file of a sweep.</summary>
    public bool IsLeased(int file, IEnumerable<int> lost) => schedule?.IsLeased(file, lost) == true;

    /// <summary>Parts that were committed are not any more.</summary>
    public void OfferAgain(int file, IEnumerable<int> lost) => schedule?.OfferAgain(job.State, file, lost);

    public void OnRequest(RequestParts message, IActorRef worker)
    {
        workers.Learn(message.Worker, worker);
        if (HasWork)
        {
            // Whoever takes over must know whom to ask for leases.
            job.Decide(new JobCommand.Engage(message.Worker), () => Assign(message, worker));
        }
        else
        {
            Assign(message, worker);
        }
    }

    public void OnRenew(RenewLeases message, IActorRef worker)
    {
        workers.Learn(message.Worker, worker);
        RenewAll(message.Worker, message.Leases, worker);
    }

    // Only what is taken over is known; a worker that was told to stop is asked again until it has.
    public void OnHeld(LeasesHeld message, IActorRef worker)
    {
        workers.Learn(message.Worker, worker);
        if (message.Incarnation == job.State.Incarnation && RenewAll(message.Worker, message.Leases, worker))
        {
            former?.Settle(message.Worker);
            SettleFormer();
        }
    }

    public void OnReturned(PartReturned message, IActorRef worker)
    {
        worker.Tell(new ReturnAcknowledged { Job = job.Id, Incarnation = message.Incarnation, Number = message.Number });
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
                job.Fail(reason);
                break;
            // Where there is no other worker to come, nobody would ever compute it.
            case ReturnKind.Declined when settings.Admission is null || settings.IsAlone:
                job.Fail(reason);
                break;
            case ReturnKind.Declined:
                OnDeclined(message.Worker, reason);
                break;
            case ReturnKind.Storage:
                job.Suspend(reason);
                break;
            case ReturnKind.Missing when !transfers.Lose([message.Input]):
                job.Fail(reason);
                break;
            case ReturnKind.Transient when failures >= PartSchedule.MaxFailures:
                job.Fail(reason with { Message = $"a part failed {failures} times, the last time: {reason.Message}" });
                break;
            default:
                job.OnLeasesChanged();
                break;
        }
    }

    // Its other parts come back by themselves, for it declines them as well.
    private void OnDeclined(string worker, JobReason reason)
    {
        if (declined.TryAdd(worker, reason))
        {
            log.Warning("Job {Job}: worker {Worker} cannot compute it; it goes on elsewhere. {Reason}", job.Id, worker, reason.Message);
        }

        job.OnLeasesChanged();
    }

    /// <summary>Parts were committed, so their leases have done their duty.</summary>
    public void Finish(PartsReported message)
    {
        foreach (ReportedPart part in message.Parts)
        {
            schedule?.Finish(new Attempt(part.Incarnation, part.Number));
        }
    }

    /// <summary>A part is committed in all files that it goes into.</summary>
    public void Complete(int file, ReportedPart part)
    {
        if (schedule?.Find(new Attempt(part.Incarnation, part.Number)) is { } lease)
        {
            chronicle.Finished(lease, clock.GetUtcNow());
        }

        schedule?.Complete(file, part.Part);
    }

    public void OnWorkerUp(Member member)
    {
        schedule?.FindWorker(WorkerDirectory.NameOf(member));
        schedule?.SucceedWorkers(WorkerDirectory.NameOf(member));
        if (HasWork)
        {
            workers.Offer(member, new WorkAvailable { Job = job.Id });
        }
    }

    public void OnWorkerLost(string worker)
    {
        declined.Remove(worker);
        if (schedule?.LoseWorker(worker) is { IsEmpty: false } lost)
        {
            log.Warning("Job {Job}: worker {Worker} was lost; its {Parts} parts are offered again.", job.Id, worker, lost.Length);
            Note(lost, "the worker was lost; the part is offered again");
            job.OnLeasesChanged();
        }
    }

    public void OnWorkerGone(string worker)
    {
        if (schedule?.BuryWorker(worker) is { } deadly)
        {
            string file = job.State.Files[deadly.File].File.Name;
            job.Fail(new JobReason(
                JobException.DeadlyPart,
                $"{file}: part {deadly.Part} was run alone and its worker died, {PartSchedule.MaxDeaths} times, the last time {deadly.Worker}.",
                "look at the workers' machines and at the inputs; then resume the job."));
        }
    }

    /// <summary>Offers again what made no progress for too long.</summary>
    public void Expire()
    {
        if (schedule?.Expire(clock.GetUtcNow()) is { IsEmpty: false } expired)
        {
            log.Warning("Job {Job}: {Parts} parts made no progress for {Patience}; they are offered again.", job.Id, expired.Length, settings.LeaseDuration);
            Note(expired, $"no progress for {settings.LeaseDuration.TotalSeconds:0} s; the part is offered again");
            job.OnLeasesChanged();
        }
    }

    public void Offer()
    {
        if (HasWork)
        {
            OfferToAll();
        }
    }

    // At the end of a job whoever is free is not to wait for the next repetition.
    public void OfferSpare()
    {
        if (MayAssign && schedule!.HasSpare(clock.GetUtcNow()))
        {
            OfferToAll();
        }
    }

    /// <summary>Whoever keeps a list of the parts under way gets it; where that cannot be written the job rests.</summary>
    /// <returns>Whether it was.</returns>
    public bool TellInFlight()
    {
        try
        {
            if (schedule is not null)
            {
                settings.InFlight?.Invoke([.. schedule.Leases]);
            }

            return true;
        }
        catch (StorageException exception)
        {
            job.Suspend(new JobReason(exception.Code, exception.Message, exception.Advice));
            return false;
        }
    }

    /// <summary>Asks the workers that an earlier coordinator gave parts to what they have.</summary>
    public void AskForFormerLeases()
    {
        foreach (string member in workers.Members)
        {
            former?.Succeed(member);
        }

        foreach (string worker in former?.Unanswered ?? [])
        {
            workers.Tell(worker, new ReportLeases { Job = job.Id, Incarnation = job.State.Incarnation });
        }

        SettleFormer();
    }

    public void SettleFormer()
    {
        // The claim is locked by the process, so whoever has it knows that no earlier one is alive.
        bool areLeft = former?.AreLeft(clock.GetUtcNow()) == true && !(settings.IsAlone && job.HoldsOutput);
        if (former is not null && !areLeft && job.State.Phase == JobPhase.Running)
        {
            former = null;
            job.Decide(new JobCommand.SettleLeases(), job.OnLeasesSettled);
        }
    }

    public void TellIn(JobProgress progress)
    {
        progress.Lanes.AddRange((schedule?.Leases ?? []).Select(lease => new LaneProgress
        {
            Worker = lease.Worker,
            File = lease.File,
            Part = lease.Part,
            BytesDone = lease.BytesDone * job.State.Variants,
            ByteCount = PartGrid.Part(lease.File, lease.Part, job.State.Files[lease.File].File.ByteLength).ByteCount * job.State.Variants,
        }));
        chronicle.TellIn(progress);
    }

    private void Assign(RequestParts message, IActorRef worker)
    {
        ImmutableArray<PartLease> leases = MayAssign && !declined.ContainsKey(message.Worker)
            ? schedule!.Assign(job.State, message.Worker, message.Count, clock.GetUtcNow())
            : [];
        if (leases.IsEmpty)
        {
            worker.Tell(new NoParts { Job = message.Job, Ended = job.State.HasEnded });
            return;
        }

        // In the claim before a worker can touch the inputs: if they kill it, the next run knows which part it was.
        if (!TellInFlight())
        {
            worker.Tell(new NoParts { Job = message.Job });
            return;
        }

        HasAssigned = true;
        chronicle.Assigned(leases.Length);
        var assignment = new AssignParts
        {
            Job = message.Job,
            Output = job.State.Submission!.Output,
            PlanDigest = job.State.PlanDigest!,
            Incarnation = job.State.Incarnation,
            LeaseMs = (int)settings.LeaseDuration.TotalMilliseconds,
            TraceParent = JobTrace.Text(standing.Above(job.State)),
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
        if (job.State.Variants > 1)
        {
            assignment.Targets.AddRange(job.State.UncommittedVariants(lease.File, lease.Part)
                .Select(file => new TargetFile { File = file, Generation = job.State.Files[file].Generation }));
        }

        return assignment;
    }

    /// <summary>Renews or takes over what can be, and says so.</summary>
    /// <returns>Whether that was all.</returns>
    private bool RenewAll(string name, RepeatedField<HeldLease> leases, IActorRef worker)
    {
        var answer = new LeasesRenewed { Job = job.Id, LeaseMs = (int)settings.LeaseDuration.TotalMilliseconds };
        bool moves = workers.HasMoved(name, leases.Sum(lease => lease.BytesDone));
        foreach (HeldLease lease in leases)
        {
            bool held = Renew(name, lease, moves);
            var attempt = new AttemptName { Incarnation = lease.Incarnation, Number = lease.Number };
            (held ? answer.Renewed : answer.Lost).Add(attempt);
        }

        if (leases.Count > 0)
        {
            worker.Tell(answer);
        }

        return answer.Lost.Count == 0;
    }

    private bool Renew(string worker, HeldLease lease, bool moves)
    {
        if (schedule is null || job.State.Phase != JobPhase.Running)
        {
            return false;
        }

        var attempt = new Attempt(lease.Incarnation, lease.Number);
        DateTimeOffset now = clock.GetUtcNow();
        return schedule.Renew(attempt, worker, lease.BytesDone, moves, now)
            || (lease.Incarnation < job.State.Incarnation
                && schedule.Adopt(job.State, attempt, lease.File, lease.Part, lease.Generation, worker, now));
    }

    private void Note(ImmutableArray<PartLease> leases, string why)
    {
        foreach (PartLease lease in leases)
        {
            chronicle.Failed(lease, code: "", why, clock.GetUtcNow());
        }
    }

    private void OfferToAll() => workers.TellAllBut(declined.Keys, new WorkAvailable { Job = job.Id });
}
