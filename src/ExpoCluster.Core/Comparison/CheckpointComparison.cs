using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Comparison;

/// <summary>How one tensor differs between two checkpoints.</summary>
/// <param name="Aligned">The tensor, as aligned has it.</param>
/// <param name="BaseDtype">Its dtype in base.</param>
/// <param name="OutputDtype">Its dtype in an output; aligned's own unless another was asked for.</param>
/// <param name="Alpha">Asked for; 0 when only the difference is of interest.</param>
/// <param name="Sums">Over all its elements.</param>
public sealed record ComparedTensor(CheckpointTensor Aligned, Dtype BaseDtype, Dtype OutputDtype, double Alpha, DeltaSums Sums);

/// <summary>Two checkpoints side by side, tensor by tensor.</summary>
/// <param name="Base">As it was opened.</param>
/// <param name="Aligned">As it was opened.</param>
/// <param name="Tensors">Those that can be computed with, in the order of aligned's files.</param>
/// <param name="OnlyInBase">Names.</param>
/// <param name="OnlyInAligned">Names.</param>
/// <param name="ShapesDiffer">Sentences.</param>
/// <param name="NotComputed">Names of tensors of integers or other dtypes that are not extrapolated.</param>
public sealed record CheckpointComparison(
    Checkpoint Base,
    Checkpoint Aligned,
    ImmutableArray<ComparedTensor> Tensors,
    ImmutableArray<string> OnlyInBase,
    ImmutableArray<string> OnlyInAligned,
    ImmutableArray<string> ShapesDiffer,
    ImmutableArray<string> NotComputed)
{
    public DeltaSums Total => Tensors.Aggregate(default(DeltaSums), (sums, tensor) => sums + tensor.Sums);

    internal static CheckpointComparison Of(PlannedMerge merge, IReadOnlyDictionary<string, DeltaSums> sums)
    {
        Checkpoint aligned = merge.Aligned;
        IReadOnlyDictionary<string, CheckpointTensor> others = merge.Base.Tensors;
        ImmutableArray<CheckpointTensor> ordered =
            [.. aligned.Tensors.Values.OrderBy(tensor => tensor.Shard).ThenBy(tensor => tensor.Offset).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)];
        ImmutableArray<CheckpointTensor> shared = [.. ordered.Where(tensor => others.ContainsKey(tensor.Name))];
        Dictionary<string, PlannedTensor> planned = merge.Plan.Layout
            .SelectMany(file => file.Tensors)
            .ToDictionary(tensor => tensor.Entry.Name, StringComparer.Ordinal);
        bool IsComputed(CheckpointTensor tensor) => planned.TryGetValue(tensor.Name, out PlannedTensor? plan) && plan.IsMerged;
        bool HasSameShape(CheckpointTensor tensor) => tensor.Shape.SequenceEqual(others[tensor.Name].Shape);
        return new CheckpointComparison(
            merge.Base,
            aligned,
            [
                .. shared.Where(IsComputed).Select(tensor => new ComparedTensor(
                    tensor,
                    others[tensor.Name].Dtype,
                    planned[tensor.Name].Entry.Dtype,
                    ExpoMethod.AlphaOf(planned[tensor.Name].Parameters),
                    sums.GetValueOrDefault(tensor.Name))),
            ],
            [.. others.Keys.Where(name => !aligned.Tensors.ContainsKey(name)).Order(StringComparer.Ordinal)],
            [.. ordered.Where(tensor => !others.ContainsKey(tensor.Name)).Select(tensor => tensor.Name)],
            [
                .. shared.Where(tensor => !HasSameShape(tensor)).Select(tensor =>
                    $"{tensor.Name}: {others[tensor.Name].ShapeText} in base, {tensor.ShapeText} in aligned"),
            ],
            [.. shared.Where(tensor => HasSameShape(tensor) && !IsComputed(tensor)).Select(tensor => tensor.Name)]);
    }
}
