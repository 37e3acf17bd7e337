using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>The first parts of a fresh job, computed while the engine that will ask for them is still starting.</summary>
/// <remarks>
/// An engine of one process takes a second of one core to start, and lanes and disk would stand idle. What is computed here is not
/// committed: it lies in staging files of the first generation, just as writers make them, and a part counts when a worker that was given
/// it reports it. Nobody else writes there, for this process holds the claim on an output that nobody has begun.
/// </remarks>
public sealed class HeadStart : IDisposable
{
    /// <summary>As many as a worker may have unacknowledged.</summary>
    private const int MostParts = 256;

    /// <summary>Each takes a few milliseconds to make, before anything else happens.</summary>
    private const int MostStagingFiles = 8;

    private static readonly TimeSpan WholeJob = TimeSpan.FromDays(365);

    private readonly Lock gate = new();
    private readonly LanePool lanes;
    private readonly InputFiles inputs;
    private readonly Action<ImmutableArray<PartRange>> underWay;
    private readonly Queue<PartOrder> waiting;
    private readonly Dictionary<(int File, int Part), BegunPart> begun = [];
    private readonly ManualResetEventSlim isIdle = new();
    private bool isAdopted;

    private HeadStart(LanePool lanes, InputFiles inputs, IEnumerable<PartOrder> orders, Action<ImmutableArray<PartRange>> underWay)
    {
        this.lanes = lanes;
        this.inputs = inputs;
        this.underWay = underWay;
        waiting = new Queue<PartOrder>(orders);
    }

    /// <summary>Makes the staging files that it needs, then begins with the first parts.</summary>
    /// <param name="plan">The job's.</param>
    /// <param name="job">Its id.</param>
    /// <param name="paths">Its output, whose claim this process holds, and in which nothing of the job is yet.</param>
    /// <param name="reads">How inputs are read.</param>
    /// <param name="startLanes">Gives what computes. It belongs to the head start until somebody adopts it.</param>
    /// <param name="underWay">Told, before a lane touches them, which parts are being computed. Where it cannot write that down (IOException, StorageException), they are not.</param>
    /// <param name="seen">What this process has seen of the inputs; null for nothing.</param>
    /// <returns>Null where it has to be done without: a file cannot be made, which its writer will explain, or inputs are on the Hub.</returns>
    public static HeadStart? TryBegin(
        Plan plan, string job, OutputPaths paths, ReadMode reads, Func<LanePool> startLanes, Action<ImmutableArray<PartRange>> underWay, SeenInputs? seen = null)
    {
        int files = Math.Min(plan.LayoutLength, MostStagingFiles / plan.Variants);
        if (files == 0 || plan.Inputs.Any(input => input.IsRemote) || !MakeStaging(plan, job, paths, files))
        {
            return null;
        }

        var inputs = new InputFiles(plan, seen: seen);
        IEnumerable<PartOrder> orders =
            from file in Enumerable.Range(0, files)
            from part in Enumerable.Range(0, plan.Files[file].PartCount)
            select OrderOf(plan, job, paths, reads, inputs, file, part);
        var start = new HeadStart(startLanes(), inputs, orders.Take(MostParts), underWay);
        start.RunMore(start.lanes.Capacity);
        return start;
    }

    /// <summary>Gives the lanes to a worker, whose they are from then on; null when one has them already.</summary>
    public LanePool? Adopt()
    {
        lock (gate)
        {
            bool isFirst = !isAdopted;
            isAdopted = true;
            return isFirst ? lanes : null;
        }
    }

    /// <summary>Answers an order with what was begun before it; false when it was not: then lanes must run it.</summary>
    /// <param name="order">Of a worker.</param>
    /// <param name="finished">Called at once, or when the part is finished.</param>
    public bool TryTake(PartOrder order, Action<FinishedPart> finished)
    {
        (int File, int Part) key = KeyOf(order);
        FinishedPart known;
        lock (gate)
        {
            if (!begun.TryGetValue(key, out BegunPart? part) || !part.Order.Targets.SequenceEqual(order.Targets))
            {
                // Whoever orders has caught up, or goes another way.
                waiting.Clear();
                return false;
            }

            if (part.Finished is null)
            {
                // A second attempt at it does not take it from the first.
                if (part.Taker is not null)
                {
                    return false;
                }

                part.Taker = (order, finished);
                order.Lease.Follow(part.Order.Lease);
                return true;
            }

            known = part.Finished;
            begun.Remove(key);
        }

        Deliver(known, order, finished);
        return true;
    }

    /// <summary>Begins nothing more, and abandons what is under way.</summary>
    public void Stop()
    {
        lock (gate)
        {
            waiting.Clear();
            foreach (BegunPart part in begun.Values)
            {
                part.Order.Lease.Revoke();
            }
        }
    }

    /// <summary>Stops, and waits until no lane reads its inputs any more.</summary>
    public void Dispose()
    {
        Stop();
        isIdle.Wait();
        Adopt()?.Dispose();
        inputs.Dispose();
        isIdle.Dispose();
    }

    private static bool MakeStaging(Plan plan, string job, OutputPaths paths, int files)
    {
        try
        {
            foreach (PartTarget target in Enumerable.Range(0, files).SelectMany(file => TargetsOf(plan, job, paths, file)))
            {
                PlannedFile planned = plan.Files[target.File];
                StagingFile.Create(target.StagingPath, planned.Header, planned.ByteLength);
            }

            return true;
        }
        catch (StorageException)
        {
            return false;
        }
    }

    private static IEnumerable<PartTarget> TargetsOf(Plan plan, string job, OutputPaths paths, int file) =>
        from variant in Enumerable.Range(0, plan.Variants)
        let index = (variant * plan.LayoutLength) + file
        select new PartTarget(index, StagingFile.FirstGeneration, paths.StagingFile(job, StagingFile.FirstGeneration, plan.Files[index].Name));

    private static PartOrder OrderOf(Plan plan, string job, OutputPaths paths, ReadMode reads, InputFiles inputs, int file, int part) => new(
        job,
        default(Attempt),
        StagingFile.FirstGeneration,
        plan,
        PartGrid.Part(file, part, plan.Files[file].ByteLength),
        [.. TargetsOf(plan, job, paths, file)],
        inputs,
        reads,
        new WriteLease(TimeProvider.System, WholeJob));

    private void RunMore(int most)
    {
        // Under the lock: whoever has stopped it may close the lanes at once.
        lock (gate)
        {
            var orders = new List<PartOrder>(most);
            while (orders.Count < most && waiting.TryDequeue(out PartOrder? order))
            {
                begun[KeyOf(order)] = new BegunPart(order);
                orders.Add(order);
            }

            if (!TryTell())
            {
                // What nobody would suspect is not begun.
                orders.ForEach(order => begun.Remove(KeyOf(order)));
                orders.Clear();
                waiting.Clear();
            }

            if (!Running.Any())
            {
                isIdle.Set();
            }

            orders.ForEach(order => lanes.Run(order, OnFinished));
        }
    }

    private IEnumerable<PartRange> Running => begun.Values.Where(part => part.Finished is null).Select(part => part.Order.Part);

    private bool TryTell()
    {
        try
        {
            underWay([.. Running]);
            return true;
        }
        catch (Exception exception) when (exception is IOException or StorageException)
        {
            return false;
        }
    }

    private static (int File, int Part) KeyOf(PartOrder order) => (order.Part.File, order.Part.Index);

    private void OnFinished(FinishedPart finished)
    {
        (int File, int Part) key = KeyOf(finished.Order);
        (PartOrder Order, Action<FinishedPart> Finished)? taker;
        lock (gate)
        {
            BegunPart part = begun[key];
            part.Finished = finished;
            taker = part.Taker;
            if (taker is not null)
            {
                begun.Remove(key);
            }

            if (finished.Outcome is not PartOutcome.Computed)
            {
                waiting.Clear();
            }
        }

        RunMore(1);
        if (taker is not null)
        {
            Deliver(finished, taker.Value.Order, taker.Value.Finished);
        }
    }

    private static void Deliver(FinishedPart finished, PartOrder order, Action<FinishedPart> deliver)
    {
        FinishedPart answer = finished with { Order = order };
        if (answer.Outcome is PartOutcome.Computed)
        {
            order.Lease.Advance(order.Part.ByteCount);
        }

        answer.Trace();
        deliver(answer);
    }

    private sealed class BegunPart(PartOrder order)
    {
        public PartOrder Order { get; } = order;

        public FinishedPart? Finished { get; set; }

        public (PartOrder Order, Action<FinishedPart> Finished)? Taker { get; set; }
    }
}
