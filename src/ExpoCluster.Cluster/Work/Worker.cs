using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Transfers;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Telemetry;
using ExpoCluster.Tensors;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Work;

/// <summary>Computes parts on this node: asks jobs for them, runs them on lanes of its own, reports until acknowledged.</summary>
public sealed class Worker : ReceiveActor, IWithTimers
{
    /// <summary>The role of nodes that have one.</summary>
    public const string Role = "worker";

    public const string ActorName = "worker";

    private readonly string name;
    private readonly WorkerSettings settings;
    private readonly IActorRef coordinators;
    private readonly IActorRef writers;
    private readonly PlanStore plans;
    private readonly TimeProvider clock;
    private readonly LanePool lanes;
    private readonly Action<FinishedPart> report;
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly Dictionary<string, WorkedJob> jobs = new(StringComparer.Ordinal);
    private readonly Queue<string> offers = new();
    private readonly Dictionary<(string Job, Attempt Attempt), PartOrder> running = [];
    private readonly HashSet<(string Job, Attempt Attempt)> withdrawn = [];
    private readonly Dictionary<(string Job, int File, int Part), Unacknowledged<PartComputed>> unacknowledgedParts = [];
    private readonly Dictionary<(string Job, Attempt Attempt), Unacknowledged<PartReturned>> unacknowledgedReturns = [];
    private readonly IActorRef? carrier;
    private readonly Dictionary<string, DateTimeOffset> asked = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> incarnations = new(StringComparer.Ordinal);
    private IActorRef? drainRequester;
    private bool isCarrying;
    private int countedReports;
    private long bytesFinished;

    public Worker(
        string name, WorkerSettings settings, IActorRef coordinators, IActorRef writers, PlanStore plans, TimeProvider clock)
    {
        this.name = name;
        this.settings = settings;
        this.coordinators = coordinators;
        this.writers = writers;
        this.plans = plans;
        this.clock = clock;
        IActorRef self = Self;
        report = part => self.Tell(part, ActorRefs.NoSender);
        lanes = settings.HeadStart?.Adopt() ?? settings.StartLanes(clock);
        carrier = settings.Hub is null ? null : Context.ActorOf(Carrier.PropsFor(name, settings, coordinators, clock), Carrier.ActorName);

        Receive<WorkAvailable>(OnWorkAvailable);
        Receive<AssignParts>(OnAssignParts);
        Receive<PlanReady>(OnPlanReady);
        Receive<PlanNotReady>(OnPlanNotReady);
        Receive<NoParts>(OnNoParts);
        Receive<FinishedPart>(OnFinishedPart);
        Receive<PartAcknowledged>(OnPartAcknowledged);
        Receive<ReturnAcknowledged>(OnReturnAcknowledged);
        Receive<LeasesRenewed>(OnLeasesRenewed);
        Receive<ReportLeases>(OnReportLeases);
        Receive<JobEnded>(OnJobEnded);
        Receive<NodeVitals>(OnNodeVitals);
        Receive<TransfersAvailable>(message => carrier?.Forward(message));
        Receive<Carrier.Stopped>(_ => OnCarrierStopped());
        Receive<Renew>(_ => OnRenew());
        Receive<AnswerIsLate>(_ => AskForParts());
        Receive<Drain>(OnDrain);
        Receive<DrainTimeIsUp>(_ => RevokeAll());
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props PropsFor(
        string name, WorkerSettings settings, IActorRef coordinators, IActorRef writers, PlanStore plans, TimeProvider clock) =>
        Props.Create(() => new Worker(name, settings, coordinators, writers, plans, clock));

    /// <summary>Has the worker take nothing more, finish what it computes and hand back what waits. Returns when all of it is acknowledged.</summary>
    /// <param name="worker">The actor.</param>
    /// <param name="patience">After this what is being computed is handed back too; a little later nobody waits any longer.</param>
    public static async Task DrainAsync(IActorRef worker, TimeSpan patience)
    {
        try
        {
            await worker.Ask<Drained>(new Drain(patience), patience * 1.5).ConfigureAwait(false);
        }
        catch (AskTimeoutException)
        {
            // The coordinator is away; it will find the leases expired.
        }
    }

    protected override void PreStart() =>
        Timers.StartPeriodicTimer(nameof(Renew), Renew.Instance, settings.RenewInterval);

    protected override void PostStop()
    {
        RevokeAll();
        PartMetrics.Queues.Add(PartMetrics.ReportQueue, -countedReports);
        // Lanes end by themselves within a tile; waiting for them here would hold up a dispatcher.
        IReadOnlyCollection<WorkedJob> left = [.. jobs.Values];
        OwnThread.Run(() =>
        {
            lanes.Dispose();
            foreach (WorkedJob job in left)
            {
                job.Inputs.Dispose();
            }

            return true;
        });
    }

    private void OnWorkAvailable(WorkAvailable message)
    {
        if (asked.TryGetValue(message.Job, out DateTimeOffset at) && clock.GetUtcNow() - at >= settings.AnswerPatience)
        {
            // Its coordinator lives; the question or the answer was lost.
            asked.Remove(message.Job);
        }

        Offer(message.Job);
        AskForParts();
    }

    // However often a job offers work, it has one place in the row.
    private void Offer(string job)
    {
        if (!offers.Contains(job) && !asked.ContainsKey(job))
        {
            offers.Enqueue(job);
        }
    }

    // Jobs take turns, and each is asked for its share of the room. One request is under way at a time, but a job that is silent, for
    // its coordinator is lost or moves, must not keep the others' parts from free lanes.
    private void AskForParts()
    {
        int room = lanes.Capacity - running.Count;
        if (drainRequester is not null)
        {
            FinishDraining();
            return;
        }

        if (IsAnswerAwaited || room <= 0 || offers.Count == 0 || unacknowledgedParts.Count >= settings.MaxUnacknowledged)
        {
            return;
        }

        int count = (room + offers.Count - 1) / offers.Count;
        string job = offers.Dequeue();
        asked[job] = clock.GetUtcNow();
        Timers.StartSingleTimer(nameof(AnswerIsLate), AnswerIsLate.Instance, settings.AnswerPatience);
        coordinators.Tell(new RequestParts { Job = job, Worker = name, Count = count });
    }

    private bool IsAnswerAwaited => asked.Values.Any(at => clock.GetUtcNow() - at < settings.AnswerPatience);

    private void OnNoParts(NoParts message)
    {
        asked.Remove(message.Job);
        if (message.Ended)
        {
            Forget(message.Job);
        }

        AskForParts();
    }

    private void OnAssignParts(AssignParts message)
    {
        asked.Remove(message.Job);
        if (drainRequester is not null)
        {
            HandBack(message, message.Parts);
            return;
        }

        // What was sent before somebody else took over counts on nobody's list of leases.
        if (IsOutdated(message))
        {
            HandBack(message, message.Parts);
            AskForParts();
            return;
        }

        // It may have more; its turn comes after the other jobs'.
        Offer(message.Job);
        if (jobs.TryGetValue(message.Job, out WorkedJob? job) && job.Plan.Digest == message.PlanDigest)
        {
            RunAll(message, job);
            return;
        }

        string planPath = new OutputPaths(message.Output).Plan(message.Job);
        OwnThread.Run<object>(() => LoadPlan(planPath, message)).PipeTo(Self);
    }

    private object LoadPlan(string planPath, AssignParts message)
    {
        try
        {
            Plan plan = plans.Load(planPath, message.PlanDigest);
            int? had = MergeMethods.Find(plan.Method)?.NumericsVersion;
            return had == plan.NumericsVersion
                ? new PlanReady(message, plan, InputFiles.ModeFor(plan, settings.Reads, settings.Hub?.Cache))
                : throw JobException.OfOtherNumerics(plan.Method, plan.NumericsVersion, had);
        }
        catch (ExpoException exception)
        {
            return new PlanNotReady(message, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new PlanNotReady(message, StorageException.From(exception, planPath, "look at the inputs' file systems"));
        }
#pragma warning disable CA1031 // The edge of a thread: whoever gave the parts out hears why they are not computed.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new PlanNotReady(message, JobException.Unforeseen(exception));
        }
    }

    private void OnPlanReady(PlanReady message)
    {
        string id = message.Assignment.Job;
        if (!jobs.TryGetValue(id, out WorkedJob? job) || job.Plan.Digest != message.Plan.Digest)
        {
            job = new WorkedJob(message.Plan, new OutputPaths(message.Assignment.Output), new InputFiles(message.Plan, cache: settings.Hub?.Cache, seen: settings.Seen), message.Reads);
            jobs[id] = job;
        }

        RunAll(message.Assignment, job);
    }

    private void OnPlanNotReady(PlanNotReady message)
    {
        FailureKind kind = message.Error.Code == JobException.OtherNumerics ? FailureKind.Declined : FailureKind.Fatal;
        foreach (Assignment part in message.Assignment.Parts)
        {
            Return(
                message.Assignment.Job,
                new Attempt(message.Assignment.Incarnation, part.Number),
                new PartOutcome.Failed(kind, message.Error.Code, message.Error.Message, message.Error.Advice));
        }

        AskForParts();
    }

    private void HandBack(AssignParts message, IEnumerable<Assignment> parts)
    {
        foreach (Assignment part in parts)
        {
            Return(message.Job, new Attempt(message.Incarnation, part.Number), new PartOutcome.Abandoned());
        }
    }

    private bool IsOutdated(AssignParts message) => message.Incarnation < incarnations.GetValueOrDefault(message.Job);

    private void RunAll(AssignParts message, WorkedJob job)
    {
        if (drainRequester is not null || IsOutdated(message))
        {
            HandBack(message, message.Parts);
            AskForParts();
            return;
        }

        // An answer that came late may find that others have taken the room.
        int room = Math.Max(0, lanes.Capacity - running.Count);
        foreach (Assignment part in message.Parts.Take(room))
        {
            Run(message, job, part);
        }

        HandBack(message, message.Parts.Skip(room));

        AskForParts();
    }

    private void Run(AssignParts message, WorkedJob job, Assignment part)
    {
        var attempt = new Attempt(message.Incarnation, part.Number);
        PlannedFile file = job.Plan.Files[part.File];
        var order = new PartOrder(
            message.Job,
            attempt,
            part.Generation,
            job.Plan,
            PartGrid.Part(part.File, part.Part, file.ByteLength),
            TargetsOf(message.Job, job, part),
            job.Inputs,
            part.PositionedReads ? ReadMode.Positioned : job.Reads,
            new WriteLease(clock, TimeSpan.FromMilliseconds(message.LeaseMs)))
        {
            Above = new SpanAbove(JobTrace.Above(message.TraceParent, message.Job), name),
        };
        if (running.TryAdd((message.Job, attempt), order) && settings.HeadStart?.TryTake(order, report) != true)
        {
            lanes.Run(order, report);
        }
    }

    private static ImmutableArray<PartTarget> TargetsOf(string id, WorkedJob job, Assignment part)
    {
        IEnumerable<TargetFile> targets = part.Targets.Count > 0
            ? part.Targets
            : [new TargetFile { File = part.File, Generation = part.Generation }];
        return
        [
            .. targets.Select(target => new PartTarget(
                target.File,
                target.Generation,
                job.Paths.StagingFile(id, target.Generation, job.Plan.Files[target.File].Name))),
        ];
    }

    private void OnFinishedPart(FinishedPart message)
    {
        PartOrder order = message.Order;
        running.Remove((order.Job, order.Attempt));
        bytesFinished += BytesDoneOf(order);
        if (withdrawn.Remove((order.Job, order.Attempt)))
        {
            // It was handed back when it was withdrawn.
        }
        else if (message.Outcome is PartOutcome.Computed computed)
        {
            Report(order, computed);
        }
        else
        {
            Return(order.Job, order.Attempt, message.Outcome);
        }

        CloseInputsWhenIdle(order.Job);
        AskForParts();
    }

    private void Report(PartOrder order, PartOutcome.Computed computed)
    {
        // Each input byte counts once, however many files it went into.
        long bytesRead = computed.BytesRead;
        foreach (PartResult result in computed.Results)
        {
            var report = new PartComputed
            {
                Job = order.Job,
                File = result.Target.File,
                Part = order.Part.Index,
                Generation = result.Target.Generation,
                Incarnation = order.Attempt.Incarnation,
                Number = order.Attempt.Number,
                BlockDigests = UnsafeByteOperations.UnsafeWrap(result.BlockDigests),
                Statistics = UnsafeByteOperations.UnsafeWrap(result.Statistics),
                BytesRead = bytesRead,
            };
            bytesRead = 0;
            unacknowledgedParts[(report.Job, report.File, report.Part)] = new Unacknowledged<PartComputed>(report, clock.GetUtcNow());
            writers.Tell(report);
        }

        CountReports();
    }

    private void CountReports()
    {
        PartMetrics.Queues.Add(PartMetrics.ReportQueue, unacknowledgedParts.Count - countedReports);
        countedReports = unacknowledgedParts.Count;
    }

    private void Return(string job, Attempt attempt, PartOutcome outcome)
    {
        var failed = outcome as PartOutcome.Failed;
        var message = new PartReturned
        {
            Job = job,
            Worker = name,
            Incarnation = attempt.Incarnation,
            Number = attempt.Number,
            Kind = failed?.Kind switch
            {
                null => ReturnKind.Abandoned,
                FailureKind.Transient => ReturnKind.Transient,
                FailureKind.Input => ReturnKind.Input,
                FailureKind.Storage => ReturnKind.Storage,
                FailureKind.Fatal => ReturnKind.Fatal,
                FailureKind.Missing => ReturnKind.Missing,
                FailureKind.Declined => ReturnKind.Declined,
                _ => throw new InvalidOperationException($"No name on the wire for {failed.Kind}."),
            },
            Code = failed?.Code ?? "",
            Message = failed?.Message ?? "",
            Advice = failed?.Advice ?? "",
            Input = failed?.Input ?? "",
        };
        unacknowledgedReturns[(job, attempt)] = new Unacknowledged<PartReturned>(message, clock.GetUtcNow());
        coordinators.Tell(message);
    }

    private void OnPartAcknowledged(PartAcknowledged message)
    {
        (string Job, int File, int Part) key = (message.Job, message.File, message.Part);
        if (unacknowledgedParts.TryGetValue(key, out Unacknowledged<PartComputed>? report) && report.Message.Generation == message.Generation)
        {
            unacknowledgedParts.Remove(key);
            CountReports();
            AskForParts();
        }
    }

    private void OnReturnAcknowledged(ReturnAcknowledged message)
    {
        unacknowledgedReturns.Remove((message.Job, new Attempt(message.Incarnation, message.Number)));
        AskForParts();
    }

    private void OnDrain(Drain message)
    {
        drainRequester = Sender;
        settings.HeadStart?.Stop();
        isCarrying = carrier is not null;
        carrier?.Tell(Carrier.Stop.Instance);
        Timers.StartSingleTimer(nameof(DrainTimeIsUp), DrainTimeIsUp.Instance, message.Patience);
        foreach (PartOrder waiting in running.Values.Where(order => order.Lease.BytesDone == 0).ToList())
        {
            Withdraw(waiting);
        }

        FinishDraining();
    }

    private void RevokeAll()
    {
        settings.HeadStart?.Stop();
        foreach (PartOrder order in running.Values)
        {
            order.Lease.Revoke();
        }
    }

    private void FinishDraining()
    {
        if (running.Count == 0 && unacknowledgedParts.Count == 0 && unacknowledgedReturns.Count == 0 && !isCarrying)
        {
            drainRequester.Tell(Drained.Instance);
        }
    }

    private void OnCarrierStopped()
    {
        isCarrying = false;
        FinishDraining();
    }

    private void OnLeasesRenewed(LeasesRenewed message)
    {
        TimeSpan duration = TimeSpan.FromMilliseconds(message.LeaseMs);
        foreach (PartOrder order in OrdersOf(message.Job, message.Renewed))
        {
            order.Lease.Extend(duration);
        }

        foreach (PartOrder order in OrdersOf(message.Job, message.Lost).ToList())
        {
            Withdraw(order);
        }
    }

    // The file waits until nobody can write into it any more, and a part that has not begun need not wait for a lane to say so.
    private void Withdraw(PartOrder order)
    {
        if (order.Lease.TryWithdraw() && withdrawn.Add((order.Job, order.Attempt)))
        {
            Return(order.Job, order.Attempt, new PartOutcome.Abandoned());
        }
    }

    private IEnumerable<PartOrder> OrdersOf(string job, IEnumerable<AttemptName> attempts) => attempts
        .Select(attempt => running.GetValueOrDefault((job, new Attempt(attempt.Incarnation, attempt.Number))))
        .OfType<PartOrder>();

    private void OnJobEnded(JobEnded message)
    {
        carrier?.Forward(message);
        Forget(message.Job);
        AskForParts();
    }

    private void Forget(string id)
    {
        settings.HeadStart?.Stop();
        foreach (PartOrder order in running.Values.Where(order => order.Job == id))
        {
            order.Lease.Revoke();
        }

        Forget(unacknowledgedParts, key => key.Job == id);
        Forget(unacknowledgedReturns, key => key.Job == id);
        CountReports();
        incarnations.Remove(id);
        if (jobs.TryGetValue(id, out WorkedJob? job))
        {
            job.HasEnded = true;
            CloseInputsWhenIdle(id);
        }
    }

    private static void Forget<TKey, TValue>(Dictionary<TKey, TValue> reports, Func<TKey, bool> isForgotten)
        where TKey : notnull
    {
        foreach (TKey key in reports.Keys.Where(isForgotten).ToList())
        {
            reports.Remove(key);
        }
    }

    private void CloseInputsWhenIdle(string id)
    {
        if (jobs.TryGetValue(id, out WorkedJob? job) && job.HasEnded && running.Values.All(order => order.Job != id))
        {
            jobs.Remove(id);
            job.Inputs.Dispose();
            plans.Forget(job.Plan.Digest);
        }
    }

    private void OnRenew()
    {
        foreach (IGrouping<string, PartOrder> held in running.Values.Where(IsHeld).GroupBy(order => order.Job))
        {
            var message = new RenewLeases { Job = held.Key, Worker = name };
            message.Leases.AddRange(held.Select(LeaseOf));
            coordinators.Tell(message);
        }

        RepeatReports();
        DateTimeOffset now = clock.GetUtcNow();
        foreach (string silent in asked.Where(request => now - request.Value > settings.RequestTimeout).Select(request => request.Key).ToList())
        {
            log.Debug("Job {Job} did not answer; asking again.", silent);
            asked.Remove(silent);
            Offer(silent);
        }

        AskForParts();
    }

    private bool IsHeld(PartOrder order) => !withdrawn.Contains((order.Job, order.Attempt));

    // Whoever asks has taken over. An order stays on the list until its lane has let go of it.
    private void OnReportLeases(ReportLeases message)
    {
        incarnations[message.Job] = Math.Max(incarnations.GetValueOrDefault(message.Job), message.Incarnation);
        var answer = new LeasesHeld { Job = message.Job, Worker = name, Incarnation = message.Incarnation };
        answer.Leases.AddRange(running.Values.Where(order => order.Job == message.Job && IsHeld(order)).Select(LeaseOf));
        coordinators.Tell(answer);
    }

    private static HeldLease LeaseOf(PartOrder order) => new()
    {
        Incarnation = order.Attempt.Incarnation,
        Number = order.Attempt.Number,
        File = order.Part.File,
        Part = order.Part.Index,
        Generation = order.Generation,
        BytesDone = order.Lease.BytesDone,
    };

    private void OnNodeVitals(NodeVitals vitals)
    {
        vitals.Lanes = lanes.Lanes;
        vitals.BytesComputed = bytesFinished + running.Values.Sum(BytesDoneOf);
        vitals.Parts.AddRange(running.Values.Select(order => new PartUnderWay
        {
            Job = order.Job,
            File = order.Part.File,
            Part = order.Part.Index,
            BytesDone = order.Lease.BytesDone,
            ByteCount = order.Part.ByteCount,
        }));
        Sender.Tell(vitals);
    }

    // In a sweep each byte of the layout goes into the file of every alpha.
    private static long BytesDoneOf(PartOrder order) => order.Lease.BytesDone * order.Targets.Length;

    private void RepeatReports()
    {
        DateTimeOffset now = clock.GetUtcNow();
        foreach (Unacknowledged<PartComputed> report in unacknowledgedParts.Values.Where(report => report.IsDue(now, settings.RepeatInterval)))
        {
            writers.Tell(report.Message);
        }

        foreach (Unacknowledged<PartReturned> report in unacknowledgedReturns.Values.Where(report => report.IsDue(now, settings.RepeatInterval)))
        {
            coordinators.Tell(report.Message);
        }
    }

    private sealed record WorkedJob(Plan Plan, OutputPaths Paths, InputFiles Inputs, ReadMode Reads)
    {
        public bool HasEnded { get; set; }
    }

    private sealed record PlanReady(AssignParts Assignment, Plan Plan, ReadMode Reads);

    private sealed record PlanNotReady(AssignParts Assignment, ExpoException Error);

    private sealed record Drain(TimeSpan Patience);

    private sealed class Drained
    {
        public static readonly Drained Instance = new();
    }

    private sealed class DrainTimeIsUp
    {
        public static readonly DrainTimeIsUp Instance = new();
    }

    private sealed class AnswerIsLate
    {
        public static readonly AnswerIsLate Instance = new();
    }

    private sealed class Renew
    {
        public static readonly Renew Instance = new();
    }
}
