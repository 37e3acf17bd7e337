using System.Collections.Concurrent;
using System.Diagnostics;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>The threads that compute parts, the one that reads ahead for them, and the one that makes them durable.</summary>
/// <remarks>
/// A computed part waits for the flusher, which takes all that have gathered and syncs each of their files once. When it falls
/// behind, its queue is full and the lanes wait: the memory and the work at risk stay bounded.
/// </remarks>
public sealed class LanePool : IDisposable
{
    private readonly BlockingCollection<WaitingPart> orders;
    private readonly BlockingCollection<WaitingPart> unread;
    private readonly BlockingCollection<WrittenPart> written;
    private readonly TimeSpan openPatience;
    private readonly Thread[] threads;

    /// <param name="lanes">Computing threads.</param>
    /// <param name="rate">Shared by all lanes; null for no limit.</param>
    /// <param name="openPatience">How long to wait for a staging file to appear (attribute caches of shared storage).</param>
    public LanePool(int lanes, RateLimit? rate, TimeSpan openPatience)
    {
        this.openPatience = openPatience;
        Lanes = lanes;
        PartMetrics.Lanes.Add(lanes);
        orders = new BlockingCollection<WaitingPart>(Room);
        unread = new BlockingCollection<WaitingPart>(Room);
        written = new BlockingCollection<WrittenPart>(lanes);
        threads =
        [
            .. Enumerable.Range(0, lanes).Select(lane => Start($"lane {lane}", () => Compute(rate))),
            Start("reader", ReadAhead),
            Start("flusher", Flush),
        ];
    }

    public int Lanes { get; }

    /// <summary>The most orders that may be under way: one running in each lane, and one more waiting for it.</summary>
    public int Capacity => 2 * Lanes;

    // A head start may still have its parts here when a worker begins to order.
    private int Room => 2 * Capacity;

    /// <summary>Takes an order; never blocks as long as whoever orders has no more than <see cref="Capacity"/> under way.</summary>
    /// <param name="order">What to compute.</param>
    /// <param name="finished">Called on a thread of this pool when the part is durable, was abandoned or has failed.</param>
    public void Run(PartOrder order, Action<FinishedPart> finished)
    {
        var part = new WaitingPart(order, finished);
        unread.TryAdd(part);
        orders.Add(part);
        PartMetrics.Queues.Add(PartMetrics.LaneQueue);
    }

    /// <summary>Stops after what is being computed. Revoke leases first to stop sooner.</summary>
    public void Dispose()
    {
        unread.CompleteAdding();
        orders.CompleteAdding();
        foreach (Thread lane in threads[..^1])
        {
            lane.Join();
        }

        written.CompleteAdding();
        threads[^1].Join();
        PartMetrics.Lanes.Add(-Lanes);
        orders.Dispose();
        unread.Dispose();
        written.Dispose();
    }

    private static Thread Start(string name, Action run)
    {
        var thread = new Thread(() => run()) { Name = "expocluster " + name, IsBackground = true };
        thread.Start();
        return thread;
    }

    private void Compute(RateLimit? rate)
    {
        using var executor = new PartExecutor(rate);
        foreach (WaitingPart part in orders.GetConsumingEnumerable())
        {
            PartMetrics.Queues.Add(PartMetrics.LaneQueue, -1);
            PartMetrics.LanesBusy.Add(1);
            part.ReadAhead();
            ComputeOne(executor, part);
            PartMetrics.LanesBusy.Add(-1);
        }
    }

    // A thread of its own, for asking the disk for more than it takes at once means waiting for it.
    private void ReadAhead()
    {
        foreach (WaitingPart part in unread.GetConsumingEnumerable())
        {
            part.ReadAhead();
        }
    }

    private void ComputeOne(PartExecutor executor, WaitingPart part)
    {
        PartOrder order = part.Order;
        long started = Stopwatch.GetTimestamp();
        if (!order.Lease.TryBegin())
        {
            Finish(part, new PartOutcome.Abandoned(), started);
            return;
        }

        var outputs = new List<StagingFile>(order.Targets.Length);
        try
        {
            foreach (PartTarget target in order.Targets)
            {
                outputs.Add(OpenPatiently(order, target));
            }

            PartOutcome outcome = executor.Execute(order, outputs);
            part.Release();
            if (outcome is PartOutcome.Computed computed)
            {
                PartMetrics.Queues.Add(PartMetrics.FlushQueue);
                written.Add(new WrittenPart(part, computed, outputs, started));
                return;
            }

            Close(outputs);
            Finish(part, outcome, started);
        }
#pragma warning disable CA1031 // The edge of a thread: whatever went wrong becomes the part's outcome.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Close(outputs);
            Finish(part, PartOutcome.Failed.From(exception), started);
        }
    }

    private StagingFile OpenPatiently(PartOrder order, PartTarget target)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return StagingFile.OpenForTiles(target.StagingPath);
            }
            catch (StorageException exception) when (
                exception.Code == StorageException.Vanished
                && order.Lease.IsValid
                && TimeProvider.System.GetElapsedTime(start) < openPatience)
            {
                Thread.Sleep(200);
            }
        }
    }

    private void Flush()
    {
        var gathered = new List<WrittenPart>();
        foreach (WrittenPart first in written.GetConsumingEnumerable())
        {
            gathered.Add(first);
            while (written.TryTake(out WrittenPart? next))
            {
                gathered.Add(next);
            }

            PartMetrics.Queues.Add(PartMetrics.FlushQueue, -gathered.Count);
            FlushAll(gathered);
            gathered.Clear();
        }
    }

    // The first sync of a file covers what all its handles have written; the others cost next to nothing, but a write error is told
    // to each handle only once. All are closed before anything is reported, so that other nodes of shared storage see the
    // bytes (close-to-open consistency).
    private static void FlushAll(List<WrittenPart> parts)
    {
        long started = Stopwatch.GetTimestamp();
        var failures = new Dictionary<string, PartOutcome>(StringComparer.Ordinal);
        foreach ((StagingFile output, long byteLength) in parts.SelectMany(part => part.Files).OrderBy(file => file.Output.Path, StringComparer.Ordinal))
        {
            Flush(output, byteLength, failures);
        }

        foreach (WrittenPart part in parts)
        {
            Close(part.Outputs);
        }

        PartMetrics.CountFlush(Stopwatch.GetElapsedTime(started));
        foreach (WrittenPart part in parts)
        {
            // What one handle was told, pages of another may have suffered: all parts of that file are computed again.
            StagingFile? failed = part.Outputs.Find(output => failures.ContainsKey(output.Path));
            Finish(part.Part, failed is null ? part.Outcome : failures[failed.Path], part.Started);
        }
    }

    private static void Finish(WaitingPart part, PartOutcome outcome, long started)
    {
        var finished = new FinishedPart(part.Order, outcome, TimeProvider.System.GetUtcNow(), Stopwatch.GetElapsedTime(started));
        PartMetrics.CountPart(finished);
        finished.Trace();
        part.Finished(finished);
    }

    private static void Flush(StagingFile output, long byteLength, Dictionary<string, PartOutcome> failures)
    {
        try
        {
            output.Flush();
            output.Demand(byteLength);
        }
#pragma warning disable CA1031 // The edge of a thread: whatever went wrong becomes the outcome of the file's parts.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failures.TryAdd(output.Path, PartOutcome.Failed.From(exception));
        }
    }

    private static void Close(List<StagingFile> outputs)
    {
        foreach (StagingFile output in outputs)
        {
            output.Dispose();
        }
    }

    private sealed record WrittenPart(WaitingPart Part, PartOutcome.Computed Outcome, List<StagingFile> Outputs, long Started)
    {
        /// <summary>Each with the length that the plan gives it.</summary>
        public IEnumerable<(StagingFile Output, long ByteLength)> Files =>
            Outputs.Zip(Part.Order.Targets, (output, target) => (Output: output, Part.Order.Plan.Files[target.File].ByteLength));
    }
}
