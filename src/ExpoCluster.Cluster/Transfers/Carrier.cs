using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Hub.Download;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Telemetry;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Transfers;

/// <summary>The worker's other half: fetches files of the Hub into the cache, for jobs that need them, and reports until acknowledged.</summary>
/// <remarks>Bytes go from the network to the file; what a carrier loses with its process, the next one finds beside the file.</remarks>
public sealed class Carrier : ReceiveActor, IWithTimers
{
    public const string ActorName = "carrier";

    private readonly string name;
    private readonly WorkerSettings settings;
    private readonly IActorRef coordinators;
    private readonly TimeProvider clock;
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly Queue<string> offers = new();
    private readonly Dictionary<(string Job, Attempt Attempt), Carriage> carriages = [];
    private readonly Dictionary<(string Job, Attempt Attempt), Unacknowledged<IMessage>> reports = [];
    private string? askedJob;
    private DateTimeOffset askedAt;
    private IActorRef? stopRequester;

    public Carrier(string name, WorkerSettings settings, IActorRef coordinators, TimeProvider clock)
    {
        this.name = name;
        this.settings = settings;
        this.coordinators = coordinators;
        this.clock = clock;

        Receive<TransfersAvailable>(OnTransfersAvailable);
        Receive<AssignTransfers>(OnAssignTransfers);
        Receive<NoTransfers>(OnNoTransfers);
        Receive<Finished>(OnFinished);
        Receive<TransferAcknowledged>(OnTransferAcknowledged);
        Receive<TransfersRenewed>(OnTransfersRenewed);
        Receive<JobEnded>(OnJobEnded);
        Receive<Renew>(_ => OnRenew());
        Receive<Stop>(_ => OnStop());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props PropsFor(string name, WorkerSettings settings, IActorRef coordinators, TimeProvider clock) =>
        Props.Create(() => new Carrier(name, settings, coordinators, clock));

    protected override void PreStart() => Timers.StartPeriodicTimer(nameof(Renew), Renew.Instance, settings.RenewInterval);

    protected override void PostStop()
    {
        JobMetrics.TransfersActive.Add(-carriages.Count);
        CancelAll();
    }

    private void OnTransfersAvailable(TransfersAvailable message)
    {
        if (!offers.Contains(message.Job))
        {
            offers.Enqueue(message.Job);
        }

        Ask();
    }

    // Jobs take turns; one request is under way at a time.
    private void Ask()
    {
        int room = settings.MaxTransfers - carriages.Count;
        if (stopRequester is not null || askedJob is not null || room <= 0 || offers.Count == 0)
        {
            return;
        }

        askedJob = offers.Dequeue();
        askedAt = clock.GetUtcNow();
        coordinators.Tell(new RequestTransfers { Job = askedJob, Worker = name, Count = room });
    }

    private void OnNoTransfers(NoTransfers message)
    {
        EndAsking(message.Job);
        Ask();
    }

    private void OnAssignTransfers(AssignTransfers message)
    {
        EndAsking(message.Job);
        foreach (TransferAssignment assignment in message.Transfers)
        {
            var attempt = new Attempt(message.Incarnation, assignment.Number);
            if (stopRequester is null)
            {
                Begin(message, attempt, assignment);
            }
            else
            {
                Return(message.Job, attempt, new TransferFailure(ReturnKind.Abandoned, new JobReason("", "", "")));
            }
        }

        // It may have more; its turn comes after the other jobs'.
        offers.Enqueue(message.Job);
        Ask();
    }

    private void EndAsking(string job)
    {
        if (askedJob == job)
        {
            askedJob = null;
        }
    }

    private void Begin(AssignTransfers message, Attempt attempt, TransferAssignment assignment)
    {
        string job = message.Job;
        HubFile file = TransferFacts.From(assignment.File).File;
        var carriage = new Carriage(assignment.Transfer, file, new HubTransfer(settings.Hub!, file), new CancellationTokenSource(), JobTrace.Above(message.TraceParent, job), clock.GetUtcNow());
        if (!carriages.TryAdd((job, attempt), carriage))
        {
            return;
        }

        JobMetrics.TransfersActive.Add(1);
        // Asking the file system where the file is may already take its time.
        Task.Run(() => carriage.Transfer.RunAsync(carriage.Cancellation.Token)).PipeTo(
            Self, success: () => new Finished(job, attempt, Error: null), failure: error => new Finished(job, attempt, error));
    }

    private void OnFinished(Finished message)
    {
        if (!carriages.Remove((message.Job, message.Attempt), out Carriage? carriage))
        {
            // The job has ended meanwhile.
            return;
        }

        CountEnd(message.Job, carriage, message.Error);
        carriage.Cancellation.Dispose();
        if (message.Error is null)
        {
            SayUntilAcknowledged(message.Job, message.Attempt, new TransferDone
            {
                Job = message.Job,
                Worker = name,
                Incarnation = message.Attempt.Incarnation,
                Number = message.Attempt.Number,
                Transfer = carriage.Index,
            });
        }
        else
        {
            Return(message.Job, message.Attempt, TransferFailure.Of(message.Error, carriage.File));
        }

        Ask();
    }

    private void CountEnd(string job, Carriage carriage, Exception? error)
    {
        string outcome = error switch { null => "done", OperationCanceledException => "abandoned", _ => "failed" };
        carriage.CountBytes();
        JobMetrics.TransfersActive.Add(-1);
        JobMetrics.TransfersFinished.Add(outcome);
        JobTrace.Record(
            JobTrace.Transfer,
            carriage.Above,
            carriage.Start,
            [
                new(JobTrace.JobAttribute, job),
                new(JobTrace.NodeAttribute, name),
                new(JobTrace.FileAttribute, carriage.File.Name),
                new(JobTrace.BytesAttribute, carriage.Transfer.BytesDone),
                new(JobTrace.OutcomeAttribute, outcome),
            ],
            outcome == "failed" ? error!.Message : null);
    }

    private void Return(string job, Attempt attempt, TransferFailure failure)
    {
        if (failure.Kind != ReturnKind.Abandoned)
        {
            log.Warning("Job {Job}: a transfer failed: {Reason}", job, failure.Reason.Message);
        }

        SayUntilAcknowledged(job, attempt, new TransferReturned
        {
            Job = job,
            Worker = name,
            Incarnation = attempt.Incarnation,
            Number = attempt.Number,
            Kind = failure.Kind,
            Code = failure.Reason.Code,
            Message = failure.Reason.Message,
            Advice = failure.Reason.Advice,
        });
    }

    private void SayUntilAcknowledged(string job, Attempt attempt, IMessage message)
    {
        reports[(job, attempt)] = new Unacknowledged<IMessage>(message, clock.GetUtcNow());
        coordinators.Tell(message);
    }

    private void OnTransferAcknowledged(TransferAcknowledged message)
    {
        reports.Remove((message.Job, new Attempt(message.Incarnation, message.Number)));
        FinishStopping();
    }

    private void OnTransfersRenewed(TransfersRenewed message)
    {
        foreach (AttemptName lost in message.Lost)
        {
            if (carriages.TryGetValue((message.Job, new Attempt(lost.Incarnation, lost.Number)), out Carriage? carriage))
            {
                carriage.Cancellation.Cancel();
            }
        }
    }

    private void OnJobEnded(JobEnded message)
    {
        foreach ((string Job, Attempt Attempt) key in carriages.Keys.Where(key => key.Job == message.Job).ToList())
        {
            carriages.Remove(key, out Carriage? carriage);
            carriage!.Cancellation.Cancel();
            CountEnd(message.Job, carriage, new OperationCanceledException());
        }

        foreach ((string Job, Attempt Attempt) key in reports.Keys.Where(key => key.Job == message.Job).ToList())
        {
            reports.Remove(key);
        }

        FinishStopping();
        Ask();
    }

    private void OnRenew()
    {
        foreach (Carriage carriage in carriages.Values)
        {
            carriage.CountBytes();
        }

        foreach (var held in carriages.GroupBy(row => row.Key.Job))
        {
            var message = new RenewTransfers { Job = held.Key, Worker = name };
            message.Transfers.AddRange(held.Select(row => new HeldTransfer
            {
                Incarnation = row.Key.Attempt.Incarnation,
                Number = row.Key.Attempt.Number,
                Transfer = row.Value.Index,
                BytesDone = row.Value.Transfer.BytesDone,
                Activity = row.Value.Transfer.Activity,
            }));
            coordinators.Tell(message);
        }

        DateTimeOffset now = clock.GetUtcNow();
        foreach (Unacknowledged<IMessage> report in reports.Values.Where(report => report.IsDue(now, settings.RepeatInterval)))
        {
            coordinators.Tell(report.Message);
        }

        if (askedJob is not null && now - askedAt > settings.RequestTimeout)
        {
            // Whoever has transfers says so again by itself.
            askedJob = null;
        }

        Ask();
    }

    private void OnStop()
    {
        stopRequester = Sender;
        CancelAll();
        FinishStopping();
    }

    private void FinishStopping()
    {
        if (stopRequester is not null && carriages.Count == 0 && reports.Count == 0)
        {
            stopRequester.Tell(Stopped.Instance);
        }
    }

    private void CancelAll()
    {
        foreach (Carriage carriage in carriages.Values)
        {
            carriage.Cancellation.Cancel();
        }
    }

    /// <summary>Take nothing more, and hand back what is under way. Answered by <see cref="Stopped"/> when that is acknowledged.</summary>
    public sealed class Stop
    {
        public static readonly Stop Instance = new();
    }

    public sealed class Stopped
    {
        public static readonly Stopped Instance = new();
    }

    /// <summary>A transfer that is under way.</summary>
    private sealed record Carriage(int Index, HubFile File, HubTransfer Transfer, CancellationTokenSource Cancellation, ActivityContext Above, DateTimeOffset Start)
    {
        private long countedBytes;

        public void CountBytes()
        {
            long done = Transfer.BytesDone;
            JobMetrics.TransferBytes.Add(Math.Max(0, done - countedBytes));
            countedBytes = Math.Max(countedBytes, done);
        }
    }

    private sealed record Finished(string Job, Attempt Attempt, Exception? Error);

    private sealed class Renew
    {
        public static readonly Renew Instance = new();
    }
}
