namespace ExpoCluster.Server.Api;

/// <summary>So many requests at once for everybody, and so many more with time.</summary>
/// <remarks>It looks at the clock when somebody asks. A limiter that fills up by itself wakes the process ten times a second for it.</remarks>
/// <param name="atOnce">One after the other without a pause.</param>
/// <param name="perPeriod">That are added.</param>
/// <param name="period">After each of these.</param>
/// <param name="clock">For that.</param>
internal sealed class RequestAllowance(int atOnce, int perPeriod, TimeSpan period, TimeProvider clock)
{
    // Beyond it those are forgotten who may again ask for all.
    private const int LeastToSweep = 1000;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Share> shares = new(StringComparer.Ordinal);
    private int sweepAt = LeastToSweep;

    /// <summary>Takes one.</summary>
    /// <param name="whose">Who asks.</param>
    /// <returns>Null when it may be; else how long to wait for the next.</returns>
    public TimeSpan? Take(string whose)
    {
        lock (gate)
        {
            long now = clock.GetTimestamp();
            Share share = shares.TryGetValue(whose, out Share known) ? Filled(known, now) : new Share(atOnce, now);
            if (share.Left == 0)
            {
                shares[whose] = share;
                return period - clock.GetElapsedTime(share.At, now);
            }

            shares[whose] = share with { Left = share.Left - 1 };
            Sweep(now);
            return null;
        }
    }

    private Share Filled(Share share, long now)
    {
        long periods = clock.GetElapsedTime(share.At, now).Ticks / period.Ticks;
        long left = share.Left + (Math.Min(periods, atOnce) * perPeriod);
        return left >= atOnce
            ? new Share(atOnce, now)
            : new Share((int)left, share.At + (long)(periods * period.TotalSeconds * clock.TimestampFrequency));
    }

    private void Sweep(long now)
    {
        if (shares.Count < sweepAt)
        {
            return;
        }

        foreach (string full in shares.Where(share => Filled(share.Value, now).Left == atOnce).Select(share => share.Key).ToList())
        {
            shares.Remove(full);
        }

        sweepAt = Math.Max(LeastToSweep, 2 * shares.Count);
    }

    private readonly record struct Share(int Left, long At);
}
