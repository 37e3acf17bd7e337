using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Torch;

/// <summary>A tensor of a PyTorch archive that is to be written: a view of a storage.</summary>
/// <param name="Name">Unique in the archive.</param>
/// <param name="Shape">Row-major; empty for a scalar.</param>
/// <param name="Storage">The position of its storage.</param>
/// <param name="First">Elements of the storage in front of it.</param>
public sealed record TorchTensor(string Name, ImmutableArray<long> Shape, int Storage, long First = 0)
{
    /// <summary>How far the next element of each dimension is, in elements; default for a tensor whose elements lie in row-major order without gaps.</summary>
    public ImmutableArray<long> Strides { get; init; }
}
