using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Cli.Display;

/// <summary>Measures the pace over a sliding window, so that it is steady but honest.</summary>
/// <param name="clock">Tells how long it took.</param>
/// <param name="isBeginning">
/// The job begins when the meter is made. Parts that were computed while the engine was still starting come all at once when it has started; they took the time
/// since then.
/// </param>
internal sealed class PaceMeter(TimeProvider clock, bool isBeginning = false)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Queue<(long Timestamp, long Done)> samples = new();
    private readonly long begunAt = clock.GetTimestamp();
    private bool measuresTransfers;
    private bool hasBegun = !isBeginning;

    public MergePace Measure(JobProgress progress)
    {
        // Bytes that arrive and bytes that are written have paces of their own.
        bool transfers = progress.State == JobStates.Transferring;
        if (transfers != measuresTransfers)
        {
            measuresTransfers = transfers;
            samples.Clear();
        }

        long total = transfers ? progress.Transfers.Sum(file => file.ByteLength) : progress.Files.Sum(file => file.ByteLength);
        // A part may be committed and its lane not be told yet.
        long done = Math.Min(total, transfers
            ? progress.Transfers.Sum(file => file.BytesDone)
            : progress.Files.Sum(file => file.BytesCommitted) + progress.Lanes.Sum(lane => lane.BytesDone));
        return new MergePace(done, total, BytesPerSecond(progress, transfers, done))
        {
            Checked = progress.CheckedOf > progress.Checked ? (progress.Checked, progress.CheckedOf) : null,
            Fetched = transfers || progress.Transfers.All(file => file.Done)
                ? null
                : (progress.Transfers.Sum(file => file.BytesDone), progress.Transfers.Sum(file => file.ByteLength)),
        };
    }

    private double BytesPerSecond(JobProgress progress, bool transfers, long done)
    {
        if (!hasBegun && !transfers)
        {
            if (done == 0)
            {
                // The first bytes that are seen are counted from the beginning, not from the last look.
                return 0;
            }

            hasBegun = true;
            if (progress.Reused == 0)
            {
                samples.Enqueue((begunAt, 0));
            }
        }

        long now = clock.GetTimestamp();
        samples.Enqueue((now, done));
        while (samples.Count > 2 && clock.GetElapsedTime(samples.Peek().Timestamp, now) > Window)
        {
            samples.Dequeue();
        }

        (long Timestamp, long Done) first = samples.Peek();
        double seconds = clock.GetElapsedTime(first.Timestamp, now).TotalSeconds;
        return seconds > 0 ? Math.Max(0, (done - first.Done) / seconds) : 0;
    }
}
