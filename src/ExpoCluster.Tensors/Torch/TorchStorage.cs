using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Torch;

/// <summary>A run of elements in a PyTorch archive that is to be written; tensors are views of it.</summary>
/// <param name="Dtype">One that PyTorch has a storage class for.</param>
/// <param name="ElementCount">May be more than its tensors use.</param>
public sealed record TorchStorage(Dtype Dtype, long ElementCount)
{
    public long ByteCount => ElementCount * Dtype.Bits() / 8;
}
