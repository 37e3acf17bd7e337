namespace ExpoCluster.Core.Tests.Hub.Hostile;

/// <summary>A clock that goes on, and on which every wait is over at once and has taken its time.</summary>
internal sealed class HastyClock : TimeProvider
{
    private long skipped;

    /// <summary>Of all waits.</summary>
    public TimeSpan Waited => new(Interlocked.Read(ref skipped));

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Environment.TickCount64 * TimeSpan.TicksPerMillisecond + Interlocked.Read(ref skipped);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Add(ref skipped, dueTime.Ticks);
        return System.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
