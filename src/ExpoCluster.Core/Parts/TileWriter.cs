using System.Runtime.ExceptionServices;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>Writes the tiles of one lane on a thread of its own, in order, while the lane computes the next ones.</summary>
/// <remarks>
/// A write past the page cache takes as long as the disk does, and a lane that waited for it would compute nothing meanwhile. A tile
/// that is handed over is written only under a valid lease. No more tiles wait than the lane has buffers.
/// </remarks>
internal sealed class TileWriter : IDisposable
{
    private readonly object gate = new();
    private readonly Queue<TileWrite> waiting = new(capacity: 8);
    private readonly Thread thread;
    private WriteLease? lease;
    private int unfinished;
    private bool isRefused;
    private bool isStopped;
    private ExceptionDispatchInfo? failure;

    public TileWriter()
    {
        thread = new Thread(WriteAll) { Name = "expocluster tiles", IsBackground = true };
        thread.Start();
    }

    /// <summary>Begins with a part. What an earlier one handed over has been waited for.</summary>
    public void Begin(WriteLease newLease)
    {
        lock (gate)
        {
            lease = newLease;
            isRefused = false;
            failure = null;
        }
    }

    /// <summary>Takes a tile. Its buffer belongs to the writer until <see cref="WaitFor"/> has returned.</summary>
    public void Add(TileWrite write)
    {
        lock (gate)
        {
            write.Buffer.IsBusy = true;
            unfinished++;
            waiting.Enqueue(write);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Returns when the buffer may be filled again.</summary>
    public void WaitFor(TileBuffer buffer)
    {
        lock (gate)
        {
            while (buffer.IsBusy)
            {
                Monitor.Wait(gate);
            }
        }
    }

    /// <summary>Returns when nothing waits any more: whether everything was written. False: the lease ended before.</summary>
    /// <exception cref="StorageException">A write failed.</exception>
    public bool Finish()
    {
        Settle();
        failure?.Throw();
        return !isRefused;
    }

    /// <summary>Returns when nothing waits any more, however it went.</summary>
    public void Settle()
    {
        lock (gate)
        {
            while (unfinished > 0)
            {
                Monitor.Wait(gate);
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            isStopped = true;
            Monitor.PulseAll(gate);
        }

        thread.Join();
    }

    private void WriteAll()
    {
        while (TryTake(out TileWrite write))
        {
            Write(write);
            lock (gate)
            {
                write.Buffer.IsBusy = false;
                unfinished--;
                Monitor.PulseAll(gate);
            }
        }
    }

    private bool TryTake(out TileWrite write)
    {
        lock (gate)
        {
            while (!waiting.TryDequeue(out write))
            {
                if (isStopped)
                {
                    return false;
                }

                Monitor.Wait(gate);
            }

            return true;
        }
    }

    // Behind a tile that could not be written no other is: the part is lost anyhow.
    private void Write(TileWrite write)
    {
        if (failure is not null || isRefused || !lease!.IsValid)
        {
            isRefused = true;
            return;
        }

        try
        {
            write.Output.Write(write.Buffer.Bytes[..write.ByteCount], write.Offset);
            lease.Advance(write.Progress);
        }
#pragma warning disable CA1031 // The edge of a thread: the lane that waits for the tile throws it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            failure = ExceptionDispatchInfo.Capture(exception);
        }
    }
}

/// <summary>A computed tile on its way to a file.</summary>
/// <param name="Buffer">Its bytes are the first <paramref name="ByteCount"/>.</param>
/// <param name="Output">Where they go.</param>
/// <param name="Offset">From there on.</param>
/// <param name="ByteCount">How many.</param>
/// <param name="Progress">Bytes of the part that are done when these are written: with several files, the last one counts.</param>
internal readonly record struct TileWrite(TileBuffer Buffer, StagingFile Output, long Offset, int ByteCount, int Progress);
