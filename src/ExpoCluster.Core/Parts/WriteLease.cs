namespace ExpoCluster.Core.Parts;

/// <summary>The right to write one part, until a moment on this machine's monotonic clock.</summary>
/// <remarks>
/// Checked before each tile is written, so that a process that was stopped and woke up later stops by itself: somebody else
/// may have the part by then.
/// </remarks>
public sealed class WriteLease
{
    private const int Waiting = 0;
    private const int Begun = 1;
    private const int Withdrawn = 2;

    private readonly TimeProvider clock;
    private int stage = Waiting;
    private long deadline;
    private long bytesDone;
    private WriteLease? followed;

    public WriteLease(TimeProvider clock, TimeSpan duration)
    {
        this.clock = clock;
        deadline = DeadlineAfter(duration);
    }

    public bool IsValid => clock.GetTimestamp() < Volatile.Read(ref deadline);

    /// <summary>Bytes written so far; the progress with which the lease is renewed.</summary>
    public long BytesDone => Math.Max(Volatile.Read(ref bytesDone), Volatile.Read(ref followed)?.BytesDone ?? 0);

    /// <summary>Moves the deadline. A lease that has run out or was revoked stays so: an answer that was under way when this
    /// process was stopped must not bring it back to life.</summary>
    public void Extend(TimeSpan duration)
    {
        long known = Volatile.Read(ref deadline);
        while (clock.GetTimestamp() < known)
        {
            long found = Interlocked.CompareExchange(ref deadline, DeadlineAfter(duration), known);
            if (found == known)
            {
                return;
            }

            known = found;
        }
    }

    public void Revoke() => Volatile.Write(ref deadline, long.MinValue);

    /// <summary>Whether a lane may begin with the part; false when it was withdrawn before.</summary>
    public bool TryBegin() => Interlocked.CompareExchange(ref stage, Begun, Waiting) == Waiting;

    /// <summary>Revokes it. True when no lane had begun: then nothing was written, nor will be, and nobody need wait for a lane to say so.</summary>
    public bool TryWithdraw()
    {
        Revoke();
        return Interlocked.CompareExchange(ref stage, Withdrawn, Waiting) == Waiting;
    }

    private long DeadlineAfter(TimeSpan duration) => clock.GetTimestamp() + (long)(duration.TotalSeconds * clock.TimestampFrequency);

    /// <summary>Somebody else is at work on the part already: what he has done counts, until more was done under this lease.</summary>
    internal void Follow(WriteLease other) => Volatile.Write(ref followed, other);

    internal void Advance(long byteCount) => Volatile.Write(ref bytesDone, bytesDone + byteCount);
}
