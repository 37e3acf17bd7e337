using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>One tensor of a sample checkpoint.</summary>
public sealed record SampleTensor(string Name, Dtype Dtype, ImmutableArray<long> Shape);
