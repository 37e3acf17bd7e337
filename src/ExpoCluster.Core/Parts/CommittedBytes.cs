using System.Collections.Immutable;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>Whether a staging file still holds what was committed of it.</summary>
public static class CommittedBytes
{
    /// <summary>Reads the committed parts back and gives those of which a block has not its digest.</summary>
    /// <param name="staging">The file.</param>
    /// <param name="digests">By part, of its blocks; null for a part that is not committed.</param>
    /// <param name="goOn">Told of the bytes that were looked at, block by block; false ends it there.</param>
    public static ImmutableArray<int> FindLost(StagingFile staging, ImmutableArray<ReadOnlyMemory<byte>?> digests, Func<long, bool> goOn)
    {
        byte[] block = GC.AllocateUninitializedArray<byte>(PartGrid.BlockBytes);
        long length = staging.ByteLength;
        var lost = ImmutableArray.CreateBuilder<int>();
        for (int part = 0; part < digests.Length; part++)
        {
            if (digests[part] is not { } expected)
            {
                continue;
            }

            bool isSound = true;
            for (int index = 0; index * BlockDigest.ByteCount < expected.Length; index++)
            {
                long offset = ((long)part * PartGrid.PartBytes) + ((long)index * PartGrid.BlockBytes);
                isSound = isSound && HasDigest(staging, offset, length, expected.Span.Slice(index * BlockDigest.ByteCount, BlockDigest.ByteCount), block);
                if (!goOn(Math.Clamp(length - offset, 0, PartGrid.BlockBytes)))
                {
                    return [];
                }
            }

            if (!isSound)
            {
                lost.Add(part);
            }
        }

        return lost.ToImmutable();
    }

    /// <summary>Looks at the blocks that the file system has no bytes for, and gives the parts of which one has not its digest.</summary>
    /// <param name="staging">The file.</param>
    /// <param name="byteLength">That the plan gives it.</param>
    /// <param name="blockDigests">Of all its blocks in order.</param>
    public static ImmutableArray<int> FindUnwritten(StagingFile staging, long byteLength, ReadOnlySpan<byte> blockDigests)
    {
        var lost = ImmutableSortedSet.CreateBuilder<int>();
        byte[]? block = null;
        long looked = 0;
        foreach ((long begin, long end) in staging.Holes())
        {
            // Blocks that are zeros throughout, and that their file system keeps as a hole, are as they should be.
            for (long index = Math.Max(looked, begin / PartGrid.BlockBytes); index * PartGrid.BlockBytes < end; index++)
            {
                block ??= GC.AllocateUninitializedArray<byte>(PartGrid.BlockBytes);
                ReadOnlySpan<byte> expected = blockDigests.Slice((int)index * BlockDigest.ByteCount, BlockDigest.ByteCount);
                if (!HasDigest(staging, index * PartGrid.BlockBytes, byteLength, expected, block))
                {
                    lost.Add((int)(index / PartGrid.BlocksPerPart));
                }

                looked = index + 1;
            }
        }

        return [.. lost];
    }

    /// <summary>Whether the block that begins there reads back as what was written; what cannot be read does not.</summary>
    private static bool HasDigest(StagingFile staging, long offset, long length, ReadOnlySpan<byte> expected, byte[] buffer)
    {
        Span<byte> block = buffer.AsSpan(0, (int)Math.Clamp(length - offset, 0, PartGrid.BlockBytes));
        Span<byte> digest = stackalloc byte[BlockDigest.ByteCount];
        try
        {
            if (staging.Read(block, offset) != block.Length)
            {
                return false;
            }
        }
        catch (StorageException)
        {
            return false;
        }

        BlockDigest.Compute(block, digest);
        return digest.SequenceEqual(expected);
    }
}
