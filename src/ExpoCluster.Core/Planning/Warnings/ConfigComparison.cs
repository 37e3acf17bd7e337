using System.Text.Json;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>Where two configurations give the same weights another meaning.</summary>
internal static class ConfigComparison
{
    private const int MaxShown = 12;

    private const string ModelType = "model_type";

    private const string VocabularySize = "vocab_size";

    // Of the language model in a model of several kinds of input: qwen2_vl has qwen2_vl_text.
    private const string PartEnding = "_text";

    // How positions are rotated is told by RopeMeaning.
    private static readonly HashSet<string> Meaningful = new(StringComparer.Ordinal)
    {
        ModelType, HiddenAct, HiddenActivation, "activation_function", "hidden_size", "n_embd", "d_model", "intermediate_size", "num_hidden_layers", "n_layer",
        "num_attention_heads", "n_head", "num_heads", "num_key_value_heads", "head_dim", VocabularySize, "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps",
        "sliding_window", "use_sliding_window", "layer_types", "attention_bias", "mlp_bias",
        "query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "embedding_multiplier", "residual_multiplier", "attention_multiplier",
        "logits_scaling", "num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok", "norm_topk_prob", "scoring_func", "routed_scaling_factor",
        "qk_rope_head_dim", "qk_nope_head_dim", "kv_lora_rank", "position_embedding_type", "is_decoder", "parallel_attn", "use_parallel_residual", "scale_embedding",
        "attn_implementation_scale", "rope_ratio", "rotary_dim", "scale_emb", "clip_qkv", "layernorm_epsilon", "norm_epsilon", "rms_norm_epsilon", "alibi", "activation",
        "feed_forward_proj", "no_rope_layers", "no_rope_layer_interval", "sliding_window_pattern", "time_step_limit", "vision_feature_layer", "vision_feature_select_strategy",
    };

    private const string HiddenAct = "hidden_act";

    // Gemma's: what hidden_act says beside it counts for nothing.
    private const string HiddenActivation = "hidden_activation";

    private static readonly string[] Activations = [HiddenAct, HiddenActivation, "activation_function", "activation"];

    /// <summary>Each key that differs, with both values; empty where the two mean the same.</summary>
    /// <param name="ofBase">Of base.</param>
    /// <param name="ofAligned">Of aligned.</param>
    /// <param name="rowsDiffer">The embeddings have different numbers of rows, which was said already.</param>
    public static IReadOnlyList<string> Find(ConfigFacts ofBase, ConfigFacts ofAligned, bool rowsDiffer = false)
    {
        if (ofBase.IsEmpty || ofAligned.IsEmpty)
        {
            return [];
        }

        Dictionary<string, ConfigMeaning> one = MeaningOf(ofBase);
        Dictionary<string, ConfigMeaning> two = MeaningOf(ofAligned);
        if (LanguageModelOf(ofBase) is null != LanguageModelOf(ofAligned) is null && one.GetValueOrDefault(ModelType)?.Value != two.GetValueOrDefault(ModelType)?.Value)
        {
            NameLanguageModel(one, LanguageModelOf(ofBase));
            NameLanguageModel(two, LanguageModelOf(ofAligned));
        }

        if (rowsDiffer)
        {
            two.Remove(VocabularySize);
        }

        IEnumerable<(ConfigMeaning Base, ConfigMeaning Aligned)> differing = two.Where(entry => one.TryGetValue(entry.Key, out ConfigMeaning? other) && other.Value != entry.Value.Value)
            .Select(entry => (one[entry.Key], entry.Value)).Concat(RopeMeaning.Differences(RopeMeaning.Of(ofBase), RopeMeaning.Of(ofAligned)));
        return [.. differing.Select(pair => Describe(pair.Base, pair.Aligned)).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>The keys in one line.</summary>
    public static string Describe(IReadOnlyList<string> keys) => Printable.Some(keys, MaxShown);

    private static string Describe(ConfigMeaning ofBase, ConfigMeaning ofAligned) =>
        $"{Printable.Of(Shown(ofBase, ofAligned))} ({Printable.Of(ofBase.Text)} in base, {Printable.Of(ofAligned.Text)} in aligned)";

    // One path where both have it, and where neither place says more than the other.
    private static string Shown(ConfigMeaning ofBase, ConfigMeaning ofAligned) => ofBase.Path == ofAligned.Path ? ofAligned.Path : $"{ofBase.Path} and {ofAligned.Path}";

    private static string? LanguageModelOf(ConfigFacts config) => ConfigFacts.LanguageModels.FirstOrDefault(config.HasObject);

    // A model that the other has as a part is compared with that part; where the part has no name nobody knows.
    private static void NameLanguageModel(Dictionary<string, ConfigMeaning> meaning, string? part)
    {
        ConfigMeaning? own = meaning.GetValueOrDefault(part is null ? ModelType : $"{part}.{ModelType}");
        meaning.Remove(ModelType);
        if (own is not null)
        {
            meaning[ModelType] = own with { Value = own.Value.EndsWith(PartEnding, StringComparison.Ordinal) ? own.Value[..^PartEnding.Length] : own.Value };
        }
    }

    private static Dictionary<string, ConfigMeaning> MeaningOf(ConfigFacts config)
    {
        var meaning = new Dictionary<string, ConfigMeaning>(StringComparer.Ordinal);
        foreach ((string path, ConfigValue value) in config.Values)
        {
            string key = ConfigFacts.LastKeyOf(path).ToString();
            if (!Meaningful.Contains(key) || value.Kind == JsonValueKind.Null || path.StartsWith(CheckpointNature.QuantisationKey, StringComparison.Ordinal))
            {
                continue;
            }

            if (key == HiddenAct && config.Find(path[..^HiddenAct.Length] + HiddenActivation) is { Kind: JsonValueKind.String })
            {
                continue;
            }

            string[] keys = path.Split('.');
            ConfigMeaning found = Activations.Contains(key) ? new ConfigMeaning(path, ActivationOf(value.Text), value.Text) : ConfigMeaning.Of(path, value);
            if (!ConfigMeaning.IsOfLanguageModel(keys))
            {
                meaning.TryAdd(path, found);
            }
            else if (key != ModelType)
            {
                // A loader takes the language model's own.
                meaning[ConfigMeaning.ModelOf(keys)] = found;
            }
            else
            {
                meaning[path] = found;
            }
        }

        return meaning;
    }

    // The same function under several names. "gelu" is another one than its approximation.
    private static string ActivationOf(string name) => name switch
    {
        "swish" => "silu",
        "gelu_python" => "gelu",
        "gelu_pytorch_tanh" or "gelu_fast" or "gelu_accurate" => "gelu_new",
        _ => name,
    };
}
