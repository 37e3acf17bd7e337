using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>One tensor of a sample checkpoint.</summary>
public sealed record SampleTensor(string Name, Dtype Dtype, ImmutableArray<long> Shape)
{
    public long ElementCount => Shape.Aggregate(1L, (count, extent) => count * extent);

    public long ByteCount => ElementCount * Dtype.Bits() / 8;
}
