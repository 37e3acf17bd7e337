using ExpoCluster.Cluster.Hosting;

namespace ExpoCluster.Server.Jobs;

/// <summary>So many plans at once, each on a thread of its own, and no request waits for one for longer than it should.</summary>
/// <remarks>
/// A thread that reads a file which never answers cannot be ended. Its request is answered all the same; its slot comes back when
/// the thread does, and until then it is counted.
/// </remarks>
/// <param name="count">Plans at once.</param>
/// <param name="patience">From when a request comes until it is answered.</param>
/// <param name="clock">For how long slots are overdue.</param>
internal sealed class PlannerSlots(int count, TimeSpan patience, TimeProvider clock) : IDisposable
{
    /// <summary>A planner that was told to stop does so between two reads.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim free = new(count);
    private readonly HashSet<Run> runs = [];
    private bool isDisposed;

    /// <summary>Why this node can plan nothing more; null while it can.</summary>
    public string? Problem
    {
        get
        {
            lock (runs)
            {
                TimeSpan[] overdue = [.. runs.Select(run => run.Overdue).Where(time => time > StopPatience)];
                return overdue.Length < count
                    ? null
                    : $"all {count} planners are stuck: what they read has not answered for {overdue.Max().TotalSeconds:0} s since they were told to stop";
            }
        }
    }

    /// <param name="plan">Runs on a thread of its own, and ends soon after its token is cancelled, as far as what it reads answers.</param>
    /// <param name="cancellation">The client is gone.</param>
    /// <exception cref="PlannerException">It took too long.</exception>
    public async Task<T> RunAsync<T>(Func<CancellationToken, T> plan, CancellationToken cancellation)
    {
        var run = new Run(patience, clock, cancellation);
        try
        {
            await free.WaitAsync(run.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            run.Dispose();
            cancellation.ThrowIfCancellationRequested();
            throw PlannerException.AllBusy(count, patience);
        }

        try
        {
            return await Start(run, plan).WaitAsync(run.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            run.TellToStop();
            cancellation.ThrowIfCancellationRequested();
            throw PlannerException.TookTooLong(patience);
        }
    }

    public void Dispose()
    {
        lock (runs)
        {
            isDisposed = true;
            free.Dispose();
        }
    }

    private Task<T> Start<T>(Run run, Func<CancellationToken, T> plan)
    {
        lock (runs)
        {
            runs.Add(run);
        }

        return OwnThread.Run(() =>
        {
            try
            {
                return plan(run.Token);
            }
            finally
            {
                End(run);
            }
        });
    }

    private void End(Run run)
    {
        lock (runs)
        {
            runs.Remove(run);
            if (!isDisposed)
            {
                free.Release();
            }
        }

        run.Dispose();
    }

    /// <summary>One plan under way: who ends it, and since when it should have ended.</summary>
    private sealed class Run : IDisposable
    {
        private readonly TimeProvider clock;
        private readonly CancellationTokenSource deadline;
        private readonly CancellationTokenSource either;
        private long toldToStop = long.MinValue;

        public Run(TimeSpan patience, TimeProvider clock, CancellationToken cancellation)
        {
            this.clock = clock;
            deadline = new CancellationTokenSource(patience, clock);
            either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, deadline.Token);
            Token = either.Token;
            Token.Register(TellToStop);
        }

        public CancellationToken Token { get; }

        /// <summary>For how long it has been told to stop.</summary>
        public TimeSpan Overdue => Volatile.Read(ref toldToStop) is > long.MinValue and var since ? clock.GetElapsedTime(since) : TimeSpan.Zero;

        /// <summary>Notes since when; the token itself tells.</summary>
        public void TellToStop() => Interlocked.CompareExchange(ref toldToStop, clock.GetTimestamp(), long.MinValue);

        public void Dispose()
        {
            either.Dispose();
            deadline.Dispose();
        }
    }
}
