using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Server.Jobs;

/// <summary>What a coordinator said last.</summary>
/// <param name="Progress">Its words.</param>
/// <param name="Coordinator">The address of its node.</param>
/// <param name="BytesPerSecond">Of output, while transferring of what arrives, over the last seconds; null when nothing moves.</param>
public sealed record LiveNews(JobProgress Progress, string Coordinator, double? BytesPerSecond);

/// <summary>The newest news of one job.</summary>
public sealed class LiveJob(string id, TimeProvider clock)
{
    private static readonly TimeSpan Interest = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RateWindow = TimeSpan.FromSeconds(6);

    private readonly Lock gate = new();
    private readonly Queue<(long Timestamp, long Bytes)> samples = new();
    private TaskCompletionSource next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LiveNews? latest;
    private long heardAt;
    private long touchedAt = clock.GetTimestamp();
    private bool isStarted;
    private bool measuresTransfers;

    public string Id => id;

    /// <summary>Null before the first, and when the coordinator has been silent for long.</summary>
    public LiveNews? Latest
    {
        get
        {
            lock (gate)
            {
                return latest is not null && clock.GetElapsedTime(heardAt) < Freshness ? latest : null;
            }
        }
    }

    internal bool IsForgotten => clock.GetElapsedTime(Interlocked.Read(ref touchedAt)) > Interest;

    /// <summary>Waits for news other than those that were seen, but not for ever.</summary>
    public async Task<LiveNews?> AwaitAsync(LiveNews? seen, TimeSpan patience, CancellationToken cancellation)
    {
        Task news;
        lock (gate)
        {
            if (latest is not null && latest != seen)
            {
                return Latest;
            }

            news = next.Task;
        }

        try
        {
            await news.WaitAsync(patience, clock, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // Then what is known must do.
        }

        return Latest;
    }

    internal void Touch() => Interlocked.Exchange(ref touchedAt, clock.GetTimestamp());

    internal bool MustStart()
    {
        lock (gate)
        {
            bool must = !isStarted;
            isStarted = true;
            return must;
        }
    }

    internal void Hear(JobProgress progress, string coordinator)
    {
        TaskCompletionSource heard;
        lock (gate)
        {
            heardAt = clock.GetTimestamp();
            latest = new LiveNews(progress, coordinator, MeasureRate(progress));
            heard = next;
            next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        heard.SetResult();
    }

    private double? MeasureRate(JobProgress progress)
    {
        bool transfers = progress.State == JobStates.Transferring;
        if (transfers != measuresTransfers)
        {
            measuresTransfers = transfers;
            samples.Clear();
        }

        long bytes = transfers
            ? progress.Transfers.Sum(transfer => transfer.BytesDone)
            : progress.Files.Sum(file => file.BytesCommitted) + progress.Lanes.Sum(lane => lane.BytesDone);
        samples.Enqueue((heardAt, bytes));
        while (samples.Count > 2 && clock.GetElapsedTime(samples.Peek().Timestamp, heardAt) > RateWindow)
        {
            samples.Dequeue();
        }

        (long Timestamp, long Bytes) first = samples.Peek();
        double seconds = clock.GetElapsedTime(first.Timestamp, heardAt).TotalSeconds;
        return seconds > 0 && bytes > first.Bytes ? (bytes - first.Bytes) / seconds : null;
    }
}
