using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Telemetry;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Writing;

/// <summary>Owns one output file: sees that its staging file exists, gathers reports of its parts, checks and seals it.</summary>
/// <remarks>
/// It remembers nothing: on start it asks the coordinator, and everything it says is repeated until the coordinator, which
/// journals, has acknowledged it. Workers' reports are acknowledged only then.
/// </remarks>
public sealed class Writer : ReceiveActor, IWithTimers, IWithStash
{
    private static readonly TimeSpan RepeatInterval = TimeSpan.FromSeconds(1);

    // Reports wait this long for company, so that the journal is written once for a group of parts.
    private static readonly TimeSpan GatherInterval = TimeSpan.FromMilliseconds(150);

    private const int MaxBatch = 64;

    private const string SealAdvice = "check the storage and let nothing else write there; then run the same command again: what is damaged is computed anew.";

    private readonly string job;
    private readonly int file;
    private readonly string node = WorkerDirectory.OwnName(Context.System);
    private readonly IActorRef coordinators;
    private readonly PlanStore plans;
    private readonly ILoggingAdapter log = Context.GetLogger();
    private readonly Dictionary<int, GatheredPart> gathered = [];

    private PlannedFile plan = null!;
    private OutputPaths paths = null!;
    private int generation;
    private int committed;
    private PartsReported? batch;
    private ICoordinatorMessage? unacknowledged;
    private bool sealing;

    public Writer(string job, int file, IActorRef coordinators, PlanStore plans)
    {
        this.job = job;
        this.file = file;
        this.coordinators = coordinators;
        this.plans = plans;
        AskForDescription();
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public IStash Stash { get; set; } = null!;

    /// <param name="entityId">As <see cref="Addressing.WriterId"/> makes it.</param>
    /// <param name="coordinators">The region of coordinators.</param>
    /// <param name="plans">Where plans are found.</param>
    public static Props PropsFor(string entityId, IActorRef coordinators, PlanStore plans)
    {
        (string job, int file) = Addressing.ParseWriterId(entityId);
        return Props.Create(() => new Writer(job, file, coordinators, plans));
    }

    protected override void PreStart()
    {
        Timers.StartPeriodicTimer(nameof(Repeat), Repeat.Instance, RepeatInterval);
        Say(new DescribeFile { Job = job, File = file });
    }

    private string StagingPath => paths.StagingFile(job, generation, plan.Name);

    private void AskForDescription()
    {
        Receive<FileDescription>(OnDescription);
        Receive<Repeat>(_ => RepeatUnacknowledged());
        Receive<FileEnded>(_ => EndBeforeBeginning());
        ReceiveAny(_ => Stash.Stash());
    }

    // A worker that did not hear of the job's end repeats its reports, and they wake a writer each time.
    private void EndBeforeBeginning()
    {
        Become(() =>
        {
            Receive<PartComputed>(report => Sender.Tell(AcknowledgementOf(report)));
            ReceiveAny(_ => { });
        });
        Stash.UnstashAll();
        Self.Tell(PoisonPill.Instance);
    }

    private void MakeStaging()
    {
        Receive<StagingMade>(OnStagingMade);
        Receive<StagingNotMade>(OnStagingNotMade);
        Receive<StagingAcknowledged>(OnStagingAcknowledged);
        Receive<Repeat>(_ => RepeatUnacknowledged());
        Receive<FileEnded>(_ => Stop());
        Receive<FileDescription>(_ => { });
        ReceiveAny(_ => Stash.Stash());
    }

    private void Gather()
    {
        Receive<PartComputed>(OnPartComputed);
        Receive<GatheringTimeIsUp>(_ => ReportParts());
        Receive<PartsAcknowledged>(OnPartsAcknowledged);
        Receive<SealFile>(OnSealFile);
        Receive<SealChecked>(OnSealChecked);
        Receive<SealAcknowledged>(_ => unacknowledged = null);
        Receive<PrepareFile>(_ => Say(new StagingReported { Job = job, File = file, Generation = generation }));
        Receive<StagingAcknowledged>(message => Acknowledge(message));
        Receive<Repeat>(_ => RepeatReports());
        Receive<FileEnded>(_ => Stop());
        Receive<FileDescription>(_ => { });
    }

    private void OnDescription(FileDescription description)
    {
        paths = new OutputPaths(description.Output);
        generation = description.Generation;
        committed = description.Committed;
        unacknowledged = null;
        Become(MakeStaging);
        string planPath = paths.Plan(job);
        OwnThread.Run(() => EnsureStaging(planPath, description)).PipeTo(Self);
    }

    // Only an absent file is made. One of another length or header is left alone: a new generation goes beside it.
    private object EnsureStaging(string planPath, FileDescription description)
    {
        try
        {
            PlannedFile planned = plans.Load(planPath, description.PlanDigest).Files[file];
            int current = description.Generation;
            if (current > 0)
            {
                string path = paths.StagingFile(job, current, planned.Name);
                if (StagingFile.Inspect(path, planned.Header, planned.ByteLength) == StagingCondition.Sound)
                {
                    return new StagingMade(planned, current);
                }
            }

            DateTimeOffset start = TimeProvider.System.GetUtcNow();
            StagingFile.Create(paths.StagingFile(job, current + 1, planned.Name), planned.Header, planned.ByteLength);
            Record(JobTrace.Stage, description.TraceParent, planned, start, problem: null);
            return new StagingMade(planned, current + 1);
        }
        catch (ExpoException exception)
        {
            return new StagingNotMade(exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return new StagingNotMade(StorageException.From(exception, paths.Root, "make the staging file"));
        }
#pragma warning disable CA1031 // The edge of a thread: whoever waits for the file is told, whatever went wrong.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new StagingNotMade(JobException.Unforeseen(exception));
        }
    }

    private void OnStagingMade(StagingMade made)
    {
        plan = made.Plan;
        if (made.Generation != generation)
        {
            committed = 0;
        }

        generation = made.Generation;
        Say(new StagingReported { Job = job, File = file, Generation = generation });
    }

    // The coordinator suspends the job; resuming it prepares the file anew.
    private void OnStagingNotMade(StagingNotMade failure)
    {
        log.Warning("No staging for file {File} of job {Job}: {Reason}", file, job, failure.Error.Message);
        coordinators.Tell(new StagingRefused
        {
            Job = job,
            File = file,
            Code = failure.Error.Code,
            Message = failure.Error.Message,
            Advice = failure.Error.Advice,
            Storage = failure.Error is StorageException,
        });
        Stop();
    }

    private void OnStagingAcknowledged(StagingAcknowledged message)
    {
        if (Acknowledge(message))
        {
            Become(Gather);
            Stash.UnstashAll();
        }
    }

    private bool Acknowledge(StagingAcknowledged message)
    {
        if (unacknowledged is not StagingReported reported || reported.Generation != message.Generation)
        {
            return false;
        }

        unacknowledged = null;
        return true;
    }

    private void OnPartComputed(PartComputed report)
    {
        if (report.Generation != generation)
        {
            // Its bytes are in another file than ours. The part is, or will be, computed again.
            Sender.Tell(AcknowledgementOf(report));
            return;
        }

        if (!gathered.TryGetValue(report.Part, out GatheredPart? known))
        {
            known = new GatheredPart(report, []);
            gathered[report.Part] = known;
        }

        known.Reporters.Add(Sender);
        if (batch is null && (gathered.Count >= MaxBatch || committed + gathered.Count >= plan.PartCount))
        {
            ReportParts();
        }
        else if (batch is null && !Timers.IsTimerActive(nameof(GatheringTimeIsUp)))
        {
            Timers.StartSingleTimer(nameof(GatheringTimeIsUp), GatheringTimeIsUp.Instance, GatherInterval);
        }
    }

    private void ReportParts()
    {
        Timers.Cancel(nameof(GatheringTimeIsUp));
        if (gathered.Count == 0 || batch is not null)
        {
            return;
        }

        batch = new PartsReported { Job = job, File = file, Generation = generation };
        int bytes = 0;
        foreach (PartComputed report in gathered.Values.Take(MaxBatch).Select(part => part.Report))
        {
            bytes += report.CalculateSize();
            if (batch.Parts.Count > 0 && bytes > MessageLimits.ReportBytes)
            {
                break;
            }

            batch.Parts.Add(Reported(report));
        }

        coordinators.Tell(batch);
    }

    private static ReportedPart Reported(PartComputed report) => new()
    {
        Part = report.Part,
        BlockDigests = report.BlockDigests,
        BytesRead = report.BytesRead,
        Statistics = report.Statistics,
        Incarnation = report.Incarnation,
        Number = report.Number,
    };

    private void OnPartsAcknowledged(PartsAcknowledged message)
    {
        if (message.Generation != generation)
        {
            return;
        }

        foreach (int part in message.Parts)
        {
            if (gathered.Remove(part, out GatheredPart? known))
            {
                committed++;
                known.Acknowledge();
            }
        }

        batch = null;
        ReportParts();
    }

    private void OnSealFile(SealFile request)
    {
        if (sealing || request.Generation != generation)
        {
            return;
        }

        sealing = true;
        string path = StagingPath;
        PlannedFile planned = plan;
        OwnThread.Run(() =>
        {
            DateTimeOffset start = TimeProvider.System.GetUtcNow();
            SealChecked result = Check(path, planned, request);
            Record(JobTrace.Seal, request.TraceParent, planned, start, result.Problem);
            return result;
        }).PipeTo(Self);
    }

    // The last look before the file is final: length, header, its first and last block read back, and those that were never written.
    private static SealChecked Check(string path, PlannedFile plan, SealFile request)
    {
        try
        {
            if (StagingFile.Inspect(path, plan.Header, plan.ByteLength) != StagingCondition.Sound)
            {
                return new SealChecked(request, "its length or header is not the plan's");
            }

            using StagingFile staging = StagingFile.Open(path);
            staging.Flush();
            if (!request.BlockDigests.IsEmpty
                && CommittedBytes.FindUnwritten(staging, plan.ByteLength, request.BlockDigests.Span) is { IsEmpty: false } unwritten)
            {
                return new SealChecked(request, $"{unwritten.Length} of its parts are holes, where bytes were written") { Lost = unwritten };
            }

            long last = (plan.ByteLength - 1) / PartGrid.BlockBytes * PartGrid.BlockBytes;
            bool sound = HasDigest(staging, 0, request.FirstBlockDigest.Span) && HasDigest(staging, last, request.LastBlockDigest.Span);
            return new SealChecked(request, sound ? null : "a block reads back differently from what was written");
        }
#pragma warning disable CA1031 // The edge of a thread: whatever went wrong, the file is not sealed, and that is said.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new SealChecked(request, exception.Message.TrimEnd('.')) { Shortage = MemoryShortage.Of(exception) };
        }
    }

    private static bool HasDigest(StagingFile staging, long offset, ReadOnlySpan<byte> expected)
    {
        byte[] block = new byte[Math.Min(PartGrid.BlockBytes, staging.ByteLength - offset)];
        Span<byte> digest = stackalloc byte[BlockDigest.ByteCount];
        int count = staging.Read(block, offset);
        BlockDigest.Compute(block.AsSpan(0, count), digest);
        return digest.SequenceEqual(expected);
    }

    private void OnSealChecked(SealChecked result)
    {
        sealing = false;
        if (result.Problem is null)
        {
            Say(new ShardSealed { Job = job, File = file, Generation = generation, Digest = result.Request.Digest });
            return;
        }

        var refusal = new SealRefused
        {
            Job = job,
            File = file,
            Generation = generation,
            Code = result.Shortage?.Code ?? StorageException.Damaged,
            Message = result.Shortage?.Message ?? $"{StagingPath}: cannot be sealed: {result.Problem}.",
            Advice = result.Shortage?.Advice ?? SealAdvice,
        };
        refusal.LostParts.AddRange(result.Lost);
        coordinators.Tell(refusal);
        if (result.Lost.IsEmpty)
        {
            // Whoever needs the file next looks at what is there, and makes another if that is not the plan's.
            Stop();
        }
    }

    private void Record(string span, string traceParent, PlannedFile planned, DateTimeOffset start, string? problem) => JobTrace.Record(
        span,
        JobTrace.Above(traceParent, job),
        start,
        [
            new(JobTrace.JobAttribute, job),
            new(JobTrace.NodeAttribute, node),
            new(JobTrace.FileAttribute, planned.Name),
            new(JobTrace.BytesAttribute, planned.ByteLength),
        ],
        problem);

    private void Say(ICoordinatorMessage message)
    {
        unacknowledged = message;
        coordinators.Tell(message);
    }

    private void RepeatUnacknowledged()
    {
        if (unacknowledged is not null)
        {
            coordinators.Tell(unacknowledged);
        }
    }

    private void RepeatReports()
    {
        RepeatUnacknowledged();
        if (batch is not null)
        {
            coordinators.Tell(batch);
        }
    }

    private void Stop() => Context.Stop(Self);

    private static PartAcknowledged AcknowledgementOf(PartComputed report) =>
        new() { Job = report.Job, File = report.File, Part = report.Part, Generation = report.Generation };

    private sealed record GatheredPart(PartComputed Report, HashSet<IActorRef> Reporters)
    {
        public void Acknowledge()
        {
            foreach (IActorRef reporter in Reporters)
            {
                reporter.Tell(AcknowledgementOf(Report));
            }
        }
    }

    private sealed record StagingMade(PlannedFile Plan, int Generation);

    private sealed record StagingNotMade(ExpoException Error);

    private sealed record SealChecked(SealFile Request, string? Problem)
    {
        /// <summary>The file could not be looked at for want of memory.</summary>
        public JobException? Shortage { get; init; }

        /// <summary>Parts that can be computed anew.</summary>
        public ImmutableArray<int> Lost { get; init; } = [];
    }

    private sealed class Repeat
    {
        public static readonly Repeat Instance = new();
    }

    private sealed class GatheringTimeIsUp
    {
        public static readonly GatheringTimeIsUp Instance = new();
    }
}
