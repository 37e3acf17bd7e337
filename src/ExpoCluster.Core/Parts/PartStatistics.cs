using System.Buffers.Binary;
using System.Collections.Immutable;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Parts;

/// <summary>The statistics of one part as bytes: they travel with its digests, and are journalled with them.</summary>
/// <remarks>
/// Frozen like the journal: a version byte, then for each tensor its index plus one, six counts (variable-length, seven bits a byte,
/// lowest first) and four doubles, little-endian.
/// </remarks>
public static class PartStatistics
{
    /// <summary>The most tensors that a part tells apart; a message must stay of bounded size.</summary>
    public const int MaxTensors = 4096;

    private const byte Version = 1;
    private const int MaxEntryBytes = (7 * 10) + (4 * sizeof(double));

    /// <param name="tensors">In the order of the file.</param>
    public static byte[] Encode(IReadOnlyList<TensorSums> tensors)
    {
        if (tensors.Count == 0)
        {
            return [];
        }

        int kept = Math.Min(tensors.Count, MaxTensors);
        byte[] buffer = new byte[1 + ((kept + 1) * MaxEntryBytes)];
        buffer[0] = Version;
        int length = 1;
        foreach (TensorSums tensor in tensors.Take(kept))
        {
            length += Write(buffer.AsSpan(length), tensor);
        }

        if (kept < tensors.Count)
        {
            DeltaSums rest = tensors.Skip(kept).Aggregate(default(DeltaSums), (sums, tensor) => sums + tensor.Sums);
            length += Write(buffer.AsSpan(length), new TensorSums(-1, rest));
        }

        return buffer[..length];
    }

    /// <summary>The inverse of <see cref="Encode"/>; nothing for no bytes, which is what older journals hold.</summary>
    /// <exception cref="FormatException">The bytes did not come from <see cref="Encode"/>.</exception>
    public static ImmutableArray<TensorSums> Decode(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return [];
        }

        if (bytes[0] != Version)
        {
            throw new FormatException($"Part statistics of version {bytes[0]}, where {Version} is known.");
        }

        var tensors = ImmutableArray.CreateBuilder<TensorSums>();
        ReadOnlySpan<byte> rest = bytes[1..];
        while (!rest.IsEmpty)
        {
            tensors.Add(Read(ref rest));
        }

        return tensors.ToImmutable();
    }

    private static int Write(Span<byte> target, TensorSums tensor)
    {
        DeltaSums sums = tensor.Sums;
        ReadOnlySpan<long> counts =
            [tensor.Tensor + 1, sums.Elements, sums.Changed, sums.Swallowed, sums.NaN, sums.Infinite, sums.Overflowed];
        int length = 0;
        foreach (long count in counts)
        {
            ulong left = (ulong)count;
            for (; left >= 0x80; left >>= 7)
            {
                target[length++] = (byte)(left | 0x80);
            }

            target[length++] = (byte)left;
        }

        foreach (double value in (ReadOnlySpan<double>)[sums.SquaredDelta, sums.SquaredAligned, sums.AppliedDelta, sums.MaxDelta])
        {
            BinaryPrimitives.WriteDoubleLittleEndian(target[length..], value);
            length += sizeof(double);
        }

        return length;
    }

    private static TensorSums Read(ref ReadOnlySpan<byte> source)
    {
        Span<long> counts = stackalloc long[7];
        for (int i = 0; i < counts.Length; i++)
        {
            counts[i] = ReadCount(ref source);
        }

        if (source.Length < 4 * sizeof(double))
        {
            throw new FormatException("Part statistics end inside a tensor.");
        }

        var sums = new DeltaSums
        {
            Elements = counts[1],
            Changed = counts[2],
            Swallowed = counts[3],
            NaN = counts[4],
            Infinite = counts[5],
            Overflowed = counts[6],
            SquaredDelta = BinaryPrimitives.ReadDoubleLittleEndian(source),
            SquaredAligned = BinaryPrimitives.ReadDoubleLittleEndian(source[8..]),
            AppliedDelta = BinaryPrimitives.ReadDoubleLittleEndian(source[16..]),
            MaxDelta = BinaryPrimitives.ReadDoubleLittleEndian(source[24..]),
        };
        source = source[(4 * sizeof(double))..];
        return new TensorSums((int)counts[0] - 1, sums);
    }

    private static long ReadCount(ref ReadOnlySpan<byte> source)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (source.IsEmpty)
            {
                break;
            }

            byte next = source[0];
            source = source[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return (long)value;
            }
        }

        throw new FormatException("Part statistics end inside a count.");
    }
}
