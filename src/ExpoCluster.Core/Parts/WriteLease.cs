namespace ExpoCluster.Core.Parts;

/// <summary>The right to write one part, until a moment on this machine's monotonic clock.</summary>
/// <remarks>
/// Checked before each tile is written, so that a process that was stopped and woke up later stops by itself: somebody else
/// may have the part by then.
/// </remarks>
public sealed class WriteLease
{
    private readonly TimeProvider clock;
    private long deadline;
    private long bytesDone;

    public WriteLease(TimeProvider clock, TimeSpan duration)
    {
        this.clock = clock;
        Extend(duration);
    }

    public bool IsValid => clock.GetTimestamp() < Volatile.Read(ref deadline);

    /// <summary>Bytes written so far; the progress with which the lease is renewed.</summary>
    public long BytesDone => Volatile.Read(ref bytesDone);

    public void Extend(TimeSpan duration) =>
        Volatile.Write(ref deadline, clock.GetTimestamp() + (long)(duration.TotalSeconds * clock.TimestampFrequency));

    public void Revoke() => Volatile.Write(ref deadline, long.MinValue);

    internal void Advance(long byteCount) => Volatile.Write(ref bytesDone, bytesDone + byteCount);
}
