using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Weights that have no elements: most often DeepSpeed's ZeRO-3 kept them on other machines when the model was saved.</summary>
internal static partial class EmptyTensors
{
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

    private static bool IsWeight(string name) => WeightName().IsMatch(TensorNames.LeafOf(name));

    // Parameters of PyTorch's own modules, of its parametrisations, and of the models that have theirs directly.
    [GeneratedRegex(
        @"^(?:.*_)?(?:weight|bias|proj|embed|embedding|embeddings|token|tokens|gamma|beta|scale|decay)(?:_[gvb]|_(?:ih|hh|hr)_l\d+(?:_reverse)?)?$"
        + @"|^(?:weight|bias)\d+$|^original[01]?$|^[wv]\d$|^.*_[wb]$|^(?:A_log|D|dt_bias|sinks|logit_scale|e_score_correction_bias|time_.*|pos_embed.*|.*_proj_(?:weight|bias))$",
        RegexOptions.CultureInvariant)]
    private static partial Regex WeightName();
}
