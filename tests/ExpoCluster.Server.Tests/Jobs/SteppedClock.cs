namespace ExpoCluster.Server.Tests.Jobs;

/// <summary>Timers run, but time passes when it is told to.</summary>
internal sealed class SteppedClock : TimeProvider
{
    private long now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Volatile.Read(ref now);

    public void Advance(TimeSpan by) => Interlocked.Add(ref now, by.Ticks);
}
