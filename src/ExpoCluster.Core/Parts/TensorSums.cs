using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Parts;

/// <summary>What one part saw of one tensor.</summary>
/// <param name="Tensor">Index of the tensor in its output file; −1 for tensors that are only counted together.</param>
/// <param name="Sums">Over the elements that begin in the part.</param>
public readonly record struct TensorSums(int Tensor, DeltaSums Sums);
