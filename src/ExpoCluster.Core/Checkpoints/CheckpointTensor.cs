using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>One tensor of a checkpoint and where its bytes are.</summary>
/// <param name="Name">Unique in the checkpoint.</param>
/// <param name="Dtype">The element type.</param>
/// <param name="Shape">Row-major; empty for a scalar.</param>
/// <param name="Shard">The position of its file in <see cref="Checkpoint.Shards"/>.</param>
/// <param name="Offset">Bytes from the start of the shard's file.</param>
/// <param name="ByteCount">Bytes of the tensor.</param>
/// <param name="Rank">
/// Among the tensors of its file, in the order in which the model lists them; 0 for all where the file does not keep that order.
/// </param>
public sealed record CheckpointTensor(
    string Name, Dtype Dtype, ImmutableArray<long> Shape, int Shard, long Offset, long ByteCount, int Rank)
{
    /// <summary>Of a view whose elements do not lie in row-major order without gaps: how far the next one of each dimension is, in elements. Default for all others.</summary>
    public ImmutableArray<long> Strides { get; init; }

    public long ElementCount => Shape.Aggregate(1L, (count, extent) => count * extent);

    /// <summary>The shape for people, as in <c>[32, 4]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
