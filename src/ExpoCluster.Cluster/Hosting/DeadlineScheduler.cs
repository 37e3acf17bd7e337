using System.Diagnostics;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Event;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>Akka's timers on a thread that sleeps until the next of them is due.</summary>
/// <remarks>
/// Akka's own scheduler looks a hundred times a second whether something is due, which alone is most of what a node costs that has
/// nothing to do. What repeats seldom is put on a common grid, so that the process wakes once for several of them. Nothing runs
/// before it is due.
/// </remarks>
public sealed class DeadlineScheduler : SchedulerBase, IDateTimeOffsetNowTimeProvider, IDisposable
{
    // What repeats at least so seldom begins on the grid, and so stays on it.
    private static readonly TimeSpan Seldom = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Grid = TimeSpan.FromMilliseconds(250);

    // The system waits in milliseconds. A wait that is cut short would end before the deadline, and be followed by another.
    private static readonly long TicksPerMillisecond = Stopwatch.Frequency / 1000;

    // Beyond it what was cancelled is thrown out before its time, as of timers that are started again and again.
    private const int LeastToSweep = 1000;

    private readonly Lock gate = new();
    private readonly AutoResetEvent changed = new(initialState: false);
    private readonly PriorityQueue<Entry, (long Deadline, long Order)> entries = new();
    private readonly Thread thread;
    private long order;
    private int sweepAt = LeastToSweep;
    private long wakesAt = long.MaxValue;
    private bool isStopped;

    /// <summary>Made by Akka.</summary>
    /// <param name="scheduler">The actor system's settings.</param>
    /// <param name="log">Told what a timer's action throws.</param>
    public DeadlineScheduler(Config scheduler, ILoggingAdapter log)
        : base(scheduler, log)
    {
        thread = new Thread(Run) { Name = "expocluster timers", IsBackground = true };
        thread.Start();
    }

    public override TimeSpan MonotonicClock => Stopwatch.GetElapsedTime(0);

    public override TimeSpan HighResMonotonicClock => Stopwatch.GetElapsedTime(0);

    protected override DateTimeOffset TimeNow => DateTimeOffset.Now;

    /// <summary>Runs what has not been due yet a last time, as Akka's own scheduler does, so that nobody waits for it in vain.</summary>
    public void Dispose()
    {
        List<Entry> left = [];
        lock (gate)
        {
            if (isStopped)
            {
                return;
            }

            isStopped = true;
            while (entries.TryDequeue(out Entry? entry, out _))
            {
                left.Add(entry);
            }
        }

        changed.Set();
        if (Thread.CurrentThread != thread)
        {
            thread.Join();
            changed.Dispose();
        }

        left.ForEach(Run);
    }

    protected override void InternalScheduleTellOnce(TimeSpan delay, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable) =>
        Add(delay, TimeSpan.Zero, () => receiver.Tell(message, sender), cancelable);

    protected override void InternalScheduleTellRepeatedly(
        TimeSpan initialDelay, TimeSpan interval, ICanTell receiver, object message, IActorRef sender, ICancelable cancelable) =>
        Add(initialDelay, interval, () => receiver.Tell(message, sender), cancelable);

    protected override void InternalScheduleOnce(TimeSpan delay, Action action, ICancelable cancelable) =>
        Add(delay, TimeSpan.Zero, action, cancelable);

    protected override void InternalScheduleOnce(TimeSpan delay, IRunnable action, ICancelable cancelable) =>
        Add(delay, TimeSpan.Zero, action.Run, cancelable);

    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, Action action, ICancelable cancelable) =>
        Add(initialDelay, interval, action, cancelable);

    protected override void InternalScheduleRepeatedly(TimeSpan initialDelay, TimeSpan interval, IRunnable action, ICancelable cancelable) =>
        Add(initialDelay, interval, action.Run, cancelable);

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private static long OnGrid(long moment)
    {
        long grid = Ticks(Grid);
        return (moment + grid - 1) / grid * grid;
    }

    private void Add(TimeSpan delay, TimeSpan interval, Action action, ICancelable? cancelable)
    {
        long deadline = Stopwatch.GetTimestamp() + Ticks(delay);
        bool isSooner;
        lock (gate)
        {
            if (isStopped)
            {
                throw new SchedulerException("The scheduler has ended.");
            }

            Enqueue(new Entry(action, Ticks(interval), cancelable), interval >= Seldom ? OnGrid(deadline) : deadline);
            Sweep();
            isSooner = entries.TryPeek(out _, out (long Deadline, long Order) first) && first.Deadline < wakesAt;
        }

        if (isSooner)
        {
            changed.Set();
        }
    }

    private void Enqueue(Entry entry, long deadline) => entries.Enqueue(entry, (deadline, order++));

    // Most timers of this kind are cancelled long before they are due.
    private void Sweep()
    {
        if (entries.Count < sweepAt)
        {
            return;
        }

        var kept = entries.UnorderedItems.Where(item => !item.Element.IsCancelled).ToList();
        entries.Clear();
        entries.EnqueueRange(kept);
        sweepAt = Math.Max(LeastToSweep, 2 * kept.Count);
    }

    private void Run()
    {
        List<Entry> due = [];
        while (Take(due) is { } wait)
        {
            due.ForEach(Run);
            due.Clear();
            if (wait != TimeSpan.Zero)
            {
                changed.WaitOne(wait);
            }
        }
    }

    // What is due now, and how long to wait when there is nothing; null at the end. What repeats is due again one interval after it was due, or
    // from now on where this process was not running meanwhile.
    private TimeSpan? Take(List<Entry> due)
    {
        lock (gate)
        {
            if (isStopped)
            {
                return null;
            }

            long now = Stopwatch.GetTimestamp();
            while (entries.TryPeek(out Entry? entry, out (long Deadline, long Order) first) && (first.Deadline <= now || entry.IsCancelled))
            {
                entries.Dequeue();
                if (entry.IsCancelled)
                {
                    continue;
                }

                due.Add(entry);
                if (entry.Interval > 0)
                {
                    long next = first.Deadline + entry.Interval;
                    Enqueue(entry, next > now ? next : now + entry.Interval);
                }
            }

            if (due.Count > 0)
            {
                // Running them takes time: what is due next is looked for behind it.
                wakesAt = long.MinValue;
                return TimeSpan.Zero;
            }

            if (!entries.TryPeek(out _, out (long Deadline, long Order) next2))
            {
                wakesAt = long.MaxValue;
                return Timeout.InfiniteTimeSpan;
            }

            wakesAt = next2.Deadline;
            return TimeSpan.FromMilliseconds(Math.Min((next2.Deadline - now + TicksPerMillisecond - 1) / TicksPerMillisecond, int.MaxValue));
        }
    }

    private void Run(Entry entry)
    {
        if (entry.IsCancelled)
        {
            return;
        }

        try
        {
            entry.Action();
        }
        catch (SchedulerException)
        {
            // It was about to set a timer, and there are no more.
        }
#pragma warning disable CA1031 // One timer's fault must not stop the others.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            Log.Error(exception, "A timer's action failed.");
        }
    }

    private sealed record Entry(Action Action, long Interval, ICancelable? Cancelable)
    {
        public bool IsCancelled => Cancelable?.IsCancellationRequested == true;
    }
}
