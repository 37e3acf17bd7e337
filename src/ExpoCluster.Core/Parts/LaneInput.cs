using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Parts;

/// <summary>One source of the tensors as a lane reads it: in the mapping, through blocks that are read ahead, or for itself.</summary>
internal sealed class LaneInput : IDisposable
{
    /// <summary>Memory of one, in bytes.</summary>
    public const long ByteCount = PartExecutor.TileBytes + ((long)AheadReader.BlockCount * InputBlock.ByteCount);

    /// <summary>So much of a range in memory counts as all: of what somebody else has read some pages may have gone again.</summary>
    public const double ResidentShare = 0.9;

    private readonly byte[] buffer = GC.AllocateUninitializedArray<byte>(PartExecutor.TileBytes, pinned: true);
    private AheadReader? reader;
    private StridedInput? strided;
    private InputFiles files = null!;
    private ReadMode mode;
    private bool isAhead;

    /// <summary>Where bytes go that somebody else reads.</summary>
    public Memory<byte> Buffer => buffer;

    /// <summary>From now on bytes of this order's inputs are read.</summary>
    public void Begin(PartOrder order)
    {
        files = order.Inputs;
        mode = order.Mode;
    }

    /// <summary>Begins to read ahead, unless the bytes are in memory.</summary>
    /// <param name="slices">All that the part will want of this source, in that order.</param>
    public void ReadAhead(IEnumerable<InputSlice> slices)
    {
        if (mode == ReadMode.Mapped)
        {
            return;
        }

        List<InputSlice> runs = InputSlice.Chain(slices.Where(slice => !files.IsRemote(slice.Input)));
        if (runs.Count == 0 || (mode == ReadMode.Automatic && AreResident(runs)))
        {
            return;
        }

        reader ??= new AheadReader();
        reader.Begin(files, runs, direct: mode == ReadMode.Automatic);
        isAhead = true;
    }

    /// <summary>Stops reading ahead.</summary>
    public void End()
    {
        if (isAhead)
        {
            reader!.End();
            isAhead = false;
        }
    }

    /// <summary>Bytes of an input, valid until the next call.</summary>
    /// <param name="input">Index in the plan.</param>
    /// <param name="offset">Bytes from the start of the file.</param>
    /// <param name="count">No more than a tile.</param>
    /// <param name="tensor">Named in the error when the file is too short.</param>
    public ReadOnlySpan<byte> Read(int input, long offset, int count, string tensor)
    {
        if (isAhead && reader!.TryRead(input, offset, count, buffer, out ReadOnlySpan<byte> bytes))
        {
            return bytes;
        }

        // What could not be read ahead is not touched through the mapping either.
        ReadMode rest = isAhead ? ReadMode.Positioned : mode;
        return files.Read(input, offset, buffer, count, rest, tensor);
    }

    /// <summary>Bytes of a tensor whose elements have to be gathered, valid until the next call.</summary>
    public ReadOnlySpan<byte> Gather(PartOrder order, PlannedTensor tensor, TensorSource source, long from, int count) =>
        (strided ??= new StridedInput()).Read(order, tensor, source, from, count);

    public void Dispose() => reader?.Dispose();

    private bool AreResident(List<InputSlice> runs) =>
        runs.Sum(files.ResidentBytes) >= runs.Sum(run => run.ByteCount) * ResidentShare;
}
