using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>Reads what a lane will want of one checkpoint, in that order, on a thread of its own while the lane computes.</summary>
/// <remarks>
/// It goes ahead by as many blocks as it has, and no further. Whatever it meets, a short file or one that cannot be read, ends it
/// silently: the lane then reads for itself and meets the same, with the tensor's name at hand.
/// </remarks>
internal sealed class AheadReader : IDisposable
{
    /// <summary>The lane holds two, for an element may lie across their border; one is filled and one waits.</summary>
    public const int BlockCount = 4;

    private readonly object gate = new();
    private readonly Stack<InputBlock> free = new(BlockCount);
    private readonly Queue<InputBlock> filled = new(BlockCount);
    private readonly Thread thread;
    private InputFiles? inputs;
    private IReadOnlyList<InputSlice> runs = [];
    private bool isDirect;
    private bool isReading;
    private bool isCancelled;
    private bool isStopped;

    // The lane's own: what it reads from.
    private InputBlock? earlier;
    private InputBlock? current;

    public AheadReader()
    {
        for (int block = 0; block < BlockCount; block++)
        {
            free.Push(new InputBlock());
        }

        thread = new Thread(ReadAll) { Name = "expocluster reads", IsBackground = true };
        thread.Start();
    }

    /// <summary>Begins to read. What an earlier part left unread is dropped.</summary>
    /// <param name="files">Whose bytes.</param>
    /// <param name="wanted">Which, in the order of need.</param>
    /// <param name="direct">Past the page cache, where the file system can.</param>
    public void Begin(InputFiles files, IReadOnlyList<InputSlice> wanted, bool direct)
    {
        End();
        lock (gate)
        {
            inputs = files;
            runs = wanted;
            isDirect = direct;
            isCancelled = false;
            isReading = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Stops reading, and waits for a read that is under way.</summary>
    public void End()
    {
        lock (gate)
        {
            isCancelled = true;
            Monitor.PulseAll(gate);
            while (isReading)
            {
                Monitor.Wait(gate);
            }

            while (filled.TryDequeue(out InputBlock? block))
            {
                free.Push(block);
            }

            Drop(ref earlier);
            Drop(ref current);
            inputs = null;
        }
    }

    /// <summary>The bytes [offset, offset + count) of an input, valid until the next call.</summary>
    /// <param name="input">Index in the plan.</param>
    /// <param name="offset">Bytes from the start of the file.</param>
    /// <param name="count">No more than a block holds.</param>
    /// <param name="scratch">Where they are put together when two blocks share them.</param>
    /// <param name="bytes">Empty when they are not here.</param>
    /// <returns>False: the caller has to read them.</returns>
    public bool TryRead(int input, long offset, int count, Span<byte> scratch, out ReadOnlySpan<byte> bytes)
    {
        do
        {
            if (TryTake(input, offset, count, scratch, out bytes))
            {
                return true;
            }
        }
        while (Advance());
        return false;
    }

    public void Dispose()
    {
        End();
        lock (gate)
        {
            isStopped = true;
            Monitor.PulseAll(gate);
        }

        thread.Join();
    }

    private bool TryTake(int input, long offset, int count, Span<byte> scratch, out ReadOnlySpan<byte> bytes)
    {
        bytes = [];
        InputBlock? first = earlier?.Holds(input, offset) == true ? earlier : current;
        if (first?.Holds(input, offset) != true)
        {
            return false;
        }

        bytes = first.From(offset, count);
        if (bytes.Length == count)
        {
            return true;
        }

        // The rest lies in the block behind, or there is none yet.
        long border = offset + bytes.Length;
        if (first == current || current?.Holds(input, border) != true)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = current.From(border, count - bytes.Length);
        bytes.CopyTo(scratch);
        rest.CopyTo(scratch[bytes.Length..]);
        bytes = scratch[..(bytes.Length + rest.Length)];
        return bytes.Length == count;
    }

    private bool Advance()
    {
        lock (gate)
        {
            while (filled.Count == 0 && isReading)
            {
                Monitor.Wait(gate);
            }

            if (!filled.TryDequeue(out InputBlock? next))
            {
                return false;
            }

            Drop(ref earlier);
            earlier = current;
            current = next;
            Monitor.PulseAll(gate);
            return true;
        }
    }

    private void Drop(ref InputBlock? block)
    {
        if (block is not null)
        {
            free.Push(block);
            block = null;
        }
    }

    private void ReadAll()
    {
        while (WaitForRuns())
        {
            try
            {
                ReadRuns();
            }
            finally
            {
                lock (gate)
                {
                    isReading = false;
                    Monitor.PulseAll(gate);
                }
            }
        }
    }

    private bool WaitForRuns()
    {
        lock (gate)
        {
            while (!isReading && !isStopped)
            {
                Monitor.Wait(gate);
            }

            return isReading;
        }
    }

    private void ReadRuns()
    {
        foreach (InputSlice run in runs)
        {
            long begin = run.Begin / StagingFile.DirectAlignment * StagingFile.DirectAlignment;
            for (long offset = begin; offset < run.End; offset += InputBlock.ByteCount)
            {
                if (!Read(run with { Begin = offset, End = Math.Min(run.End, offset + InputBlock.ByteCount) }))
                {
                    return;
                }
            }
        }
    }

    private bool Read(InputSlice slice)
    {
        if (TakeFree() is not { } block)
        {
            return false;
        }

        block.Slice = slice;
        bool isRead = inputs!.TryRead(slice, block.Bytes, isDirect);
        lock (gate)
        {
            if (isRead)
            {
                filled.Enqueue(block);
            }
            else
            {
                free.Push(block);
            }

            Monitor.PulseAll(gate);
        }

        return isRead;
    }

    private InputBlock? TakeFree()
    {
        lock (gate)
        {
            while (free.Count == 0 && !isCancelled)
            {
                Monitor.Wait(gate);
            }

            return isCancelled ? null : free.Pop();
        }
    }
}
