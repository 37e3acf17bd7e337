using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Tensors that are no weights: they are computed from the configuration, or count, and some versions save them.</summary>
internal static partial class DerivedBuffers
{
    /// <summary>It is such a tensor.</summary>
    /// <param name="tensor">The tensor.</param>
    public static bool Includes(CheckpointTensor tensor) => Includes(tensor.Name, tensor.Shape);

    /// <inheritdoc cref="Includes(CheckpointTensor)"/>
    public static bool Includes(string name, ImmutableArray<long> shape) => Name().IsMatch(name) || (MaskName().IsMatch(name) && IsMask(shape));

    // The causal masks of GPT-2 and GPT-NeoX are called as a bias is.
    private static bool IsMask(ImmutableArray<long> shape) => shape is [1, 1, var rows, var columns] && rows == columns;

    [GeneratedRegex(
        @"(?:^|\.)(?:masked_bias|position_ids|token_type_ids|cos_cached|sin_cached|num_batches_tracked|inv_freq|original_inv_freq|long_inv_freq|short_inv_freq|causal_mask|attn_mask"
        + @"|relative_position_index|rope\.freqs|freqs_cis|rotary_emb\.freqs|rotary_emb\.scale)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"(?:^|\.)(?:attn|attention|self_attn|self_attention)(?:\.attention)?\.(?:bias|mask)$", RegexOptions.CultureInvariant)]
    private static partial Regex MaskName();
}
