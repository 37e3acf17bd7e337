using System.Globalization;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>Where two configurations give the same weights another meaning.</summary>
internal static class ConfigComparison
{
    private const int MaxShown = 12;

    private const string Rope = "rope_parameters.";

    private const string TextModel = "text_config.";

    private static readonly HashSet<string> Meaningful = new(StringComparer.Ordinal)
    {
        "model_type", "hidden_act", "hidden_activation", "activation_function", "hidden_size", "n_embd", "d_model", "intermediate_size", "num_hidden_layers", "n_layer",
        "num_attention_heads", "n_head", "num_heads", "num_key_value_heads", "head_dim", "vocab_size", "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps",
        "rope_theta", "rotary_emb_base", "rope_local_base_freq", "partial_rotary_factor", "rotary_pct", "sliding_window", "use_sliding_window", "layer_types", "attention_bias", "mlp_bias",
        "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "embedding_multiplier", "residual_multiplier", "attention_multiplier",
        "logits_scaling", "num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok", "norm_topk_prob", "scoring_func", "routed_scaling_factor",
        "qk_rope_head_dim", "qk_nope_head_dim", "kv_lora_rank", "position_embedding_type", "is_decoder", "parallel_attn", "use_parallel_residual", "scale_embedding", "rope_type", "factor",
        "low_freq_factor", "high_freq_factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "mscale", "attn_implementation_scale", "mrope_section",
    };

    /// <summary>Each key that differs, with both values; empty where the two mean the same.</summary>
    /// <param name="ofBase">Of base.</param>
    /// <param name="ofAligned">Of aligned.</param>
    public static IReadOnlyList<string> Find(ConfigFacts ofBase, ConfigFacts ofAligned)
    {
        if (ofBase.IsEmpty || ofAligned.IsEmpty)
        {
            return [];
        }

        Dictionary<string, string> one = MeaningOf(ofBase);
        Dictionary<string, string> two = MeaningOf(ofAligned);
        var differing = new SortedSet<string>(StringComparer.Ordinal);
        foreach ((string key, string value) in two)
        {
            string? other = one.GetValueOrDefault(key) ?? (key.StartsWith(TextModel, StringComparison.Ordinal) ? one.GetValueOrDefault(key[TextModel.Length..]) : one.GetValueOrDefault(TextModel + key));
            if (other is not null && other != value)
            {
                differing.Add(Describe(key, other, value));
            }
        }

        AddScaling(one, two, differing);
        return [.. differing];
    }

    /// <summary>The keys in one line.</summary>
    public static string Describe(IReadOnlyList<string> keys) => Printable.Some(keys, MaxShown);

    // Where a key is missing its default holds, which is known for none but this one: positions are not scaled.
    private static void AddScaling(Dictionary<string, string> one, Dictionary<string, string> two, SortedSet<string> differing)
    {
        string ofBase = ScalingOf(one);
        string ofAligned = ScalingOf(two);
        if ((ofBase.Length == 0) != (ofAligned.Length == 0))
        {
            differing.Add(Describe("rope_scaling", ofBase.Length == 0 ? "none" : ofBase, ofAligned.Length == 0 ? "none" : ofAligned));
        }
    }

    private static string ScalingOf(Dictionary<string, string> meaning) => string.Join(
        ", ",
        meaning.Where(entry => entry.Key.Contains("rope_scaling.", StringComparison.Ordinal) && entry.Value is not ("null" or "default"))
            .OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{ConfigFacts.LastKeyOf(entry.Key)} {entry.Value}"));

    private static string Describe(string key, string ofBase, string ofAligned) =>
        $"{Printable.Of(key)} ({Printable.Of(ofBase)} in base, {Printable.Of(ofAligned)} in aligned)";

    // transformers 5 keeps in rope_parameters what stood in rope_scaling and rope_theta before.
    private static Dictionary<string, string> MeaningOf(ConfigFacts config)
    {
        var meaning = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string path, ConfigValue value) in config.Values)
        {
            string key = ConfigFacts.LastKeyOf(path).ToString();
            bool isScaling = path.Contains("rope_scaling.", StringComparison.Ordinal) || (path.Contains(Rope, StringComparison.Ordinal) && key != "rope_theta");
            if ((isScaling || Meaningful.Contains(key)) && value.Kind != JsonValueKind.Null && !path.StartsWith(CheckpointNature.QuantisationKey, StringComparison.Ordinal))
            {
                string place = path.Replace(Rope, isScaling ? "rope_scaling." : "", StringComparison.Ordinal).Replace("rope_scaling.type", "rope_scaling.rope_type", StringComparison.Ordinal);
                meaning[place] = Normalised(value);
            }
        }

        return meaning;
    }

    // 10000 and 10000.0 and 1e4 are one number.
    private static string Normalised(ConfigValue value) => value.Kind == JsonValueKind.Number && double.TryParse(value.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
        ? number.ToString("R", CultureInfo.InvariantCulture)
        : value.Text;
}
