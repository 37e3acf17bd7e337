namespace ExpoCluster.Core.Parts;

/// <summary>Limits the output bytes per second of this process, all lanes together.</summary>
public sealed class RateLimit(long bytesPerSecond, TimeProvider clock)
{
    private static readonly TimeSpan LongestNap = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private long nextTimestamp = clock.GetTimestamp();

    /// <summary>Waits for the turn of <paramref name="byteCount"/> bytes; returns early when the lease is lost.</summary>
    public void Wait(long byteCount, WriteLease lease)
    {
        long turn;
        lock (gate)
        {
            turn = Math.Max(nextTimestamp, clock.GetTimestamp());
            nextTimestamp = turn + (long)((double)byteCount / bytesPerSecond * clock.TimestampFrequency);
        }

        while (lease.IsValid)
        {
            TimeSpan left = clock.GetElapsedTime(clock.GetTimestamp(), turn);
            if (left <= TimeSpan.Zero)
            {
                return;
            }

            Thread.Sleep(left < LongestNap ? left : LongestNap);
        }
    }
}
