using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Transfers;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>The coordinator's part in bringing files of the Hub into the cache: hands transfers out, and hears how they get on.</summary>
internal sealed class TransferDesk(
    ICoordinatedJob job, WorkerDirectory workers, PlanStore plans, TimeSpan leaseDuration, TimeProvider clock, IActorContext context)
{
    private readonly IActorRef self = context.Self;
    private readonly ILoggingAdapter log = Logging.GetLogger(context);
    private TransferSchedule? schedule;
    private bool isReadingNeeds;

    /// <summary>What each part reads; null while that is not known.</summary>
    public PartNeeds? Needs { get; private set; }

    /// <summary>Files that a worker could fetch, each on what would be a lane.</summary>
    public int LanesWanted => MayAssign ? schedule!.Missing : 0;

    private bool MayAssign => schedule is not null && job.IsActive;

    /// <summary>Starts, or starts again.</summary>
    public void Begin()
    {
        schedule ??= new TransferSchedule(job.State, leaseDuration);
        FindNeeds();
        Offer();
    }

    public void Stop() => schedule = null;

    public void OnRequest(RequestTransfers message, IActorRef sender)
    {
        ImmutableArray<TransferLease> leases = MayAssign
            ? schedule!.Assign(job.State.Incarnation, message.Worker, message.Count, clock.GetUtcNow())
            : [];
        if (leases.IsEmpty)
        {
            sender.Tell(new NoTransfers { Job = message.Job });
            return;
        }

        var assignment = new AssignTransfers { Job = message.Job, Incarnation = job.State.Incarnation, LeaseMs = (int)leaseDuration.TotalMilliseconds, TraceParent = job.State.Submission!.TraceParent ?? "" };
        assignment.Transfers.AddRange(leases.Select(lease => new TransferAssignment
        {
            Number = lease.Attempt.Number, Transfer = lease.Transfer, File = TransferFacts.Of(job.State.Transfers[lease.Transfer]),
        }));
        sender.Tell(assignment);
    }

    public void OnRenew(RenewTransfers message, IActorRef sender)
    {
        var answer = new TransfersRenewed { Job = message.Job, LeaseMs = (int)leaseDuration.TotalMilliseconds };
        foreach (HeldTransfer held in message.Transfers)
        {
            (Renew(message.Worker, held) ? answer.Renewed : answer.Lost)
                .Add(new AttemptName { Incarnation = held.Incarnation, Number = held.Number });
        }

        sender.Tell(answer);
    }

    public void OnDone(TransferDone message, IActorRef sender)
    {
        var acknowledgement = new TransferAcknowledged { Job = message.Job, Incarnation = message.Incarnation, Number = message.Number };
        job.Decide(
            new JobCommand.ReportTransfer(message.Transfer),
            () =>
            {
                sender.Tell(acknowledgement);
                schedule?.Complete(message.Transfer);
                Offer();
                job.OnInputsChanged();
            },
            _ => sender.Tell(acknowledgement));
    }

    // Acknowledged when it counts: whoever hears it may ask for the next at once.
    public void OnReturned(TransferReturned message, IActorRef sender)
    {
        TakeBack(message);
        sender.Tell(new TransferAcknowledged { Job = message.Job, Incarnation = message.Incarnation, Number = message.Number });
    }

    private void TakeBack(TransferReturned message)
    {
        var attempt = new Attempt(message.Incarnation, message.Number);
        var reason = new JobReason(message.Code, message.Message, message.Advice);
        if (message.Kind == ReturnKind.Transient)
        {
            if (schedule?.NoteOutage(attempt, clock.GetUtcNow()) >= TransferSchedule.MaxOutages)
            {
                job.Suspend(reason);
            }

            return;
        }

        if (schedule?.Release(attempt) != true)
        {
            // Somebody else is at it, and will find out by himself.
            return;
        }

        switch (message.Kind)
        {
            case ReturnKind.Input or ReturnKind.Fatal:
                job.Fail(reason);
                break;
            case ReturnKind.Storage:
                job.Suspend(reason);
                break;
            default:
                Offer();
                break;
        }
    }

    /// <summary>Somebody has removed files from the cache: they are fetched again.</summary>
    /// <returns>False when the job has no such transfers.</returns>
    public bool Lose(IEnumerable<string> names)
    {
        HashSet<string> lost = [.. names];
        ImmutableArray<int> transfers = [.. Enumerable.Range(0, job.State.Transfers.Length).Where(index => lost.Contains(job.State.Transfers[index].Name))];
        Lose(transfers);
        return !transfers.IsEmpty;
    }

    public void Lose(ImmutableArray<int> transfers)
    {
        ImmutableArray<int> fresh = [.. transfers.Where(job.State.IsTransferred)];
        job.Decide(
            new JobCommand.ReportLost(transfers),
            () =>
            {
                foreach (int transfer in fresh)
                {
                    log.Warning("Job {Job}: {File} is not in the cache any more; it is fetched again.", job.Id, job.State.Transfers[transfer].Name);
                    schedule?.Reopen(transfer);
                }

                FindNeeds();
                Offer();
                job.OnInputsChanged();
            },
            _ => { });
    }

    public void LoseWorker(string worker)
    {
        if (schedule?.LoseWorker(worker) > 0)
        {
            log.Warning("Job {Job}: worker {Worker} was lost; its transfers are offered again.", job.Id, worker);
            Offer();
        }
    }

    public void Expire()
    {
        if (schedule?.Expire(clock.GetUtcNow()) > 0)
        {
            log.Warning("Job {Job}: transfers made no progress for {Patience}; they are offered again.", job.Id, leaseDuration);
            Offer();
        }
    }

    public void Offer()
    {
        if (HasWork())
        {
            workers.TellAll(new TransfersAvailable { Job = job.Id });
        }
    }

    public void OfferTo(Akka.Cluster.Member member)
    {
        if (HasWork())
        {
            workers.Offer(member, new TransfersAvailable { Job = job.Id });
        }
    }

    public void OnNeedsRead(NeedsRead message)
    {
        isReadingNeeds = false;
        Needs = message.Needs;
        job.OnInputsChanged();
    }

    public void OnNeedsUnreadable(NeedsUnreadable message)
    {
        isReadingNeeds = false;
        job.Fail(new JobReason(message.Error.Code, message.Error.Message, message.Error.Advice));
    }

    /// <summary>All transfers but those that were never one, for the file was there from the start.</summary>
    public IEnumerable<TransferProgress> Describe()
    {
        Dictionary<int, string> holders = (schedule?.Leases ?? []).GroupBy(lease => lease.Transfer).ToDictionary(group => group.Key, group => group.First().Worker);
        for (int index = 0; index < job.State.Transfers.Length; index++)
        {
            JobTransfer transfer = job.State.Transfers[index];
            bool isDone = job.State.IsTransferred(index);
            if (!isDone || !transfer.WasThere)
            {
                yield return new TransferProgress
                {
                    Name = transfer.Name,
                    ByteLength = transfer.ByteLength,
                    BytesDone = isDone ? transfer.ByteLength : schedule?.BytesDone(index) ?? 0,
                    Done = isDone,
                    Worker = holders.GetValueOrDefault(index, ""),
                };
            }
        }
    }

    private bool HasWork() => MayAssign && schedule!.HasWork(clock.GetUtcNow());

    private bool Renew(string worker, HeldTransfer held)
    {
        if (!MayAssign)
        {
            return false;
        }

        var attempt = new Attempt(held.Incarnation, held.Number);
        DateTimeOffset now = clock.GetUtcNow();
        return schedule!.Renew(attempt, worker, held.BytesDone, held.Activity, now)
            || (held.Incarnation < job.State.Incarnation && schedule.Adopt(attempt, held.Transfer, worker, held.BytesDone, held.Activity, now));
    }

    // Only who waits for files must know for which. The plan of a large model takes a while to read.
    private void FindNeeds()
    {
        if (job.State.OpenTransfers.IsEmpty || Needs is not null || isReadingNeeds)
        {
            return;
        }

        isReadingNeeds = true;
        JobState state = job.State;
        OwnThread.Run<object>(() =>
        {
            try
            {
                Plan plan = plans.Load(new OutputPaths(state.Submission!.Output).Plan(state.Submission.Job), state.PlanDigest!);
                return new NeedsRead(PartNeeds.Of(plan, state.Transfers));
            }
            catch (ExpoException exception)
            {
                return new NeedsUnreadable(exception);
            }
#pragma warning disable CA1031 // The edge of a thread: whoever waits for what is needed must hear that nobody will say it.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                return new NeedsUnreadable(JobException.Unforeseen(exception));
            }
        }).PipeTo(self);
    }

    internal sealed record NeedsRead(PartNeeds Needs);

    internal sealed record NeedsUnreadable(ExpoException Error);
}
