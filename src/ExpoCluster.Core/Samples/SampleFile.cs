using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>A run of made-up values in a sample's file.</summary>
/// <param name="Tensor">The name that the values follow from.</param>
/// <param name="Dtype">Of the values.</param>
/// <param name="Offset">Bytes from the start of the file.</param>
/// <param name="ByteCount">May be more than the tensor takes.</param>
internal sealed record SampleRun(string Tensor, Dtype Dtype, long Offset, long ByteCount);

/// <summary>One weights file of a sample, laid out before anything is written.</summary>
internal abstract class SampleFile
{
    public abstract long ByteLength { get; }

    public abstract ImmutableArray<SampleRun> Runs { get; }

    /// <summary>Whether the frame states the CRC-32 of each run.</summary>
    public abstract bool NeedsChecksums { get; }

    /// <summary>All bytes between the runs.</summary>
    /// <param name="checksums">Of each run; zeros where they are not needed.</param>
    public abstract IEnumerable<(long Offset, byte[] Bytes)> Frame(IReadOnlyList<uint> checksums);
}
