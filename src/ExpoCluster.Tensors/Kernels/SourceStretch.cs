using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>A source's elements as a formula takes them: decoded, a stretch at a time, or where they lie.</summary>
/// <param name="dtype">As stored.</param>
/// <param name="computedIn">What the formula takes.</param>
/// <param name="elements">The longest stretch.</param>
/// <param name="width">The code path; null for the widest.</param>
internal sealed class SourceStretch(Dtype dtype, Dtype computedIn, int elements, VectorWidth? width = null)
{
    private readonly ElementCast? decoder = dtype == computedIn ? null : ElementCast.For(dtype, computedIn, width);
    private readonly byte[] decoded = dtype == computedIn ? [] : new byte[elements * computedIn.Bits() / 8];
    private readonly int decodedBytes = computedIn.Bits() / 8;

    /// <summary>Of one stored element.</summary>
    public int ByteCount { get; } = dtype.Bits() / 8;

    /// <summary>A run of elements, valid until the next call.</summary>
    /// <param name="source">All of the source.</param>
    /// <param name="first">Index of the first element that is wanted.</param>
    /// <param name="count">No more than a stretch.</param>
    public ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> source, int first, int count)
    {
        ReadOnlySpan<byte> stored = source.Slice(first * ByteCount, count * ByteCount);
        if (decoder is null)
        {
            return stored;
        }

        Span<byte> target = decoded.AsSpan(0, count * decodedBytes);
        decoder.Run(stored, target);
        return target;
    }
}
