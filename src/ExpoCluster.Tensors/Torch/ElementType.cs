using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Torch;

/// <summary>What PyTorch calls the elements of a storage or a tensor.</summary>
/// <param name="Name">For example <c>float8_e4m3fn</c>.</param>
/// <param name="Dtype">The same in safetensors; null where it has none, so that such tensors are not read.</param>
internal sealed record ElementType(string Name, Dtype? Dtype);
