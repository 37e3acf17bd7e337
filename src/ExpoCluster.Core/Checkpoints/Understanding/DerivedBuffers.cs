using System.Collections.Immutable;
using System.Text.RegularExpressions;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Tensors that are no weights: they are computed from the configuration, or count, and some versions save them.</summary>
internal static partial class DerivedBuffers
{
    /// <summary>It is such a tensor.</summary>
    /// <param name="tensor">The tensor.</param>
    public static bool Includes(CheckpointTensor tensor) => Includes(tensor.Name, tensor.Shape) || (IsTruth(tensor) && MaskName().IsMatch(tensor.Name));

    /// <inheritdoc cref="Includes(CheckpointTensor)"/>
    public static bool Includes(string name, ImmutableArray<long> shape) => Name().IsMatch(name) || (MaskName().IsMatch(name) && IsMask(shape));

    /// <summary>Rotary frequencies are derived from the configuration, and loaders ignore or reject them: no output has them.</summary>
    public static bool IsNeverKept(string name) => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);

    /// <summary>
    /// A mean or variance of a batch normalisation: counted over activations, not trained. PyTorch's merges compute them like weights. A variance that
    /// training made smaller may then be below zero, and its square root no number.
    /// </summary>
    public static bool IsStatistic(string name) => TensorNames.LeafOf(name) is "running_mean" or "running_var";

    private static bool IsTruth(CheckpointTensor tensor) => tensor.Dtype is Dtype.Bool or Dtype.U8 && tensor.Shape.Length >= 2;

    // The causal masks of GPT-2 and GPT-NeoX are called as a bias is.
    private static bool IsMask(ImmutableArray<long> shape) => shape is [1, 1, var rows, var columns] && rows == columns;

    [GeneratedRegex(
        @"(?:^|\.)(?:masked_bias|position_ids|token_type_ids|cos_cached|sin_cached|num_batches_tracked|inv_freq|original_inv_freq|long_inv_freq|short_inv_freq|causal_mask|attn_mask"
        + @"|future_mask|alibi_mask|relative_position_index|relative_coords_table|attn\.embed_positions|embed_positions\.weights|embed_positions\._float_tensor|final_logits_bias"
        + @"|rope\.freqs|freqs_cis|freqs_cos|freqs_sin|rope_cache|rotary_emb\.freqs|rotary_emb\.scale|rotary_emb\.cos|rotary_emb\.sin|rotary_pos_emb"
        + @"|pos_encoder\.pe|relative_position|cache_position|alibi|alibi_slopes|tril|(?:en|de)coder\.version"
        // What training counts for itself, and what Transformer Engine keeps of it.
        + @"|n_averaged|num_updates|global_step|tokens_per_expert|_extra_state)$",
        RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"(?:^|\.)(?:attn|attention|self_attn|self_attention|crossattention|cross_attn)(?:\.attention)?\.(?:bias|mask)$", RegexOptions.CultureInvariant)]
    private static partial Regex MaskName();
}
