namespace ExpoCluster.Tensors.Kernels;

/// <summary>Which elements of which tensor a run is; only stochastic rounding depends on it.</summary>
/// <param name="TensorKey">Made from the recipe's seed and the tensor's name.</param>
/// <param name="FirstElement">The index in the tensor of the run's first element, row-major.</param>
public readonly record struct ElementPosition(ulong TensorKey, long FirstElement);
