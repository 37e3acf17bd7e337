using System.IO.Hashing;
using System.Runtime.InteropServices;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Parts;

/// <summary>What a lane keeps for one file that it writes: the tile's bytes, the digest of the block so far, the sums of the part.</summary>
internal sealed class TargetTile
{
    private readonly Memory<byte> tile = AllocateTile();
    private readonly XxHash128 blockHash = new();
    private readonly List<TensorSums> sums = [];
    private PartTarget target = null!;
    private PartRange part;
    private StagingFile? output;
    private byte[] digests = [];

    public Span<byte> Bytes => tile.Span;

    /// <param name="newTarget">What is written from now on.</param>
    /// <param name="newPart">Which range of it.</param>
    /// <param name="staging">Null to compute without writing.</param>
    public void Begin(PartTarget newTarget, PartRange newPart, StagingFile? staging)
    {
        target = newTarget;
        part = newPart;
        output = staging;
        digests = new byte[PartGrid.BlockCount(newPart.ByteCount) * BlockDigest.ByteCount];
        blockHash.Reset();
        sums.Clear();
    }

    /// <summary>Adds to what is known of a tensor; tensors come in the order of the file.</summary>
    public void Count(int tensor, DeltaSums found)
    {
        if (sums.Count > 0 && sums[^1].Tensor == tensor)
        {
            sums[^1] = new TensorSums(tensor, sums[^1].Sums + found);
        }
        else
        {
            sums.Add(new TensorSums(tensor, found));
        }
    }

    public void Write(long offset, int count)
    {
        ReadOnlySpan<byte> bytes = tile.Span[..count];
        output?.Write(bytes, offset);
        blockHash.Append(bytes);
        long end = offset + count;
        if (end == part.End || end % PartGrid.BlockBytes == 0)
        {
            int block = (int)((end - 1 - part.Begin) / PartGrid.BlockBytes);
            blockHash.GetHashAndReset(digests.AsSpan(block * BlockDigest.ByteCount));
        }
    }

    public PartResult Finish() => new(target, digests, PartStatistics.Encode(sums));

    // Direct writes want their memory on a page boundary.
    private static Memory<byte> AllocateTile()
    {
        byte[] array = GC.AllocateUninitializedArray<byte>(PartExecutor.TileBytes + StagingFile.DirectAlignment, pinned: true);
        long address = Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        int skip = (int)(-address & (StagingFile.DirectAlignment - 1));
        return array.AsMemory(skip, PartExecutor.TileBytes);
    }
}
