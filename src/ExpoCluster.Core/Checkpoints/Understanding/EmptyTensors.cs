using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Weights that have no elements: most often DeepSpeed's ZeRO-3 kept them on other machines when the model was saved.</summary>
internal static class EmptyTensors
{
    private static readonly string[] WeightNames =
        ["weight", "bias", "gate_up_proj", "gate_proj", "up_proj", "down_proj", "in_proj_weight", "in_proj_bias", "cls_token", "position_embedding", "pos_embed", "A_log", "D", "dt_bias"];

    /// <summary>Names of the empty tensors that are weights of a model. Others may well have no elements.</summary>
    /// <param name="own">The checkpoint.</param>
    /// <param name="other">The one that it is merged with, which may have the same weight whole.</param>
    public static ImmutableArray<string> WeightsOf(IReadOnlyDictionary<string, CheckpointTensor> own, IReadOnlyDictionary<string, CheckpointTensor> other) =>
    [
        .. own.Values.Where(IsEmpty).Select(tensor => tensor.Name).Where(name => IsWeight(name) || (other.TryGetValue(name, out CheckpointTensor? counterpart) && !IsEmpty(counterpart)))
            .Order(StringComparer.Ordinal),
    ];

    public static bool IsEmpty(CheckpointTensor tensor) => tensor.Shape.Contains(0);

    /// <summary>It has no elements, and a model goes without it as well.</summary>
    public static bool IsEmptyBuffer(CheckpointTensor tensor) => IsEmpty(tensor) && !IsWeight(tensor.Name);

    private static bool IsWeight(string name) => WeightNames.Contains(TensorNames.LeafOf(name), StringComparer.Ordinal);
}
