using System.IO.Hashing;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Parts;

/// <summary>What a lane keeps for one file that it writes: the tile's bytes, the digest of the block so far, the sums of the part.</summary>
internal sealed class TargetTile
{
    private readonly TileBuffer[] buffers = [new(), new()];
    private readonly XxHash128 blockHash = new();
    private readonly List<TensorSums> sums = [];
    private PartTarget target = null!;
    private PartRange part;
    private StagingFile? output;
    private byte[] digests = [];
    private int current;

    /// <summary>What the lane fills; another buffer's after each <see cref="Write"/>.</summary>
    public Span<byte> Bytes => buffers[current].Bytes;

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

    /// <summary>Hands the first bytes of the tile over to be written, digests them meanwhile, and goes on with the other buffer.</summary>
    /// <param name="writer">Null when there is no file.</param>
    /// <param name="offset">Of the tile in the file.</param>
    /// <param name="count">Bytes.</param>
    /// <param name="progress">See <see cref="TileWrite"/>.</param>
    public void Write(TileWriter? writer, long offset, int count, int progress)
    {
        TileBuffer filled = buffers[current];
        if (output is not null)
        {
            writer!.Add(new TileWrite(filled, output, offset, count, progress));
        }

        blockHash.Append(filled.Bytes[..count]);
        long end = offset + count;
        if (end == part.End || end % PartGrid.BlockBytes == 0)
        {
            int block = (int)((end - 1 - part.Begin) / PartGrid.BlockBytes);
            blockHash.GetHashAndReset(digests.AsSpan(block * BlockDigest.ByteCount));
        }

        current = 1 - current;
        writer?.WaitFor(buffers[current]);
    }

    public PartResult Finish() => new(target, digests, PartStatistics.Encode(sums));
}
