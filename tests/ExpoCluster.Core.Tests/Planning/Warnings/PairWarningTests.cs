using System.Runtime.InteropServices;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning.Warnings;

public sealed class PairWarningTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("""{"rope_theta": 10000.0}""", """{"rope_theta": 10000}""", null)]
    [InlineData("""{"rope_theta": 10000.0}""", """{"rope_theta": 500000.0}""", "rope_theta")]
    [InlineData("""{"rope_theta": 10000.0}""", """{"rope_parameters": {"rope_theta": 500000.0, "rope_type": "default"}}""", "rope_theta")]
    [InlineData("""{"rope_theta": 10000.0}""", """{"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}}""", null)]
    [InlineData("""{"rope_scaling": null}""", """{"rope_scaling": {"type": "linear", "factor": 2.0}}""", "rope_scaling")]
    [InlineData("""{"rope_scaling": {"rope_type": "yarn", "factor": 4}}""", """{"rope_scaling": {"rope_type": "yarn", "factor": 2}}""", "factor")]
    [InlineData("""{"hidden_act": "silu"}""", """{"hidden_act": "gelu"}""", "hidden_act")]
    [InlineData("""{"hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh"}""", """{"hidden_act": "gelu_new", "hidden_activation": "gelu_pytorch_tanh"}""", null)]
    [InlineData("""{"rope_ratio": 1}""", """{"rope_ratio": 500}""", "rope_ratio")]
    [InlineData("""{"rotary_dim": 64}""", """{"rotary_dim": 32}""", "rotary_dim")]
    [InlineData("""{"attn_config": {"alibi": true}}""", """{"attn_config": {"alibi": false}}""", "attn_config.alibi")]
    [InlineData("""{"feed_forward_proj": "relu"}""", """{"feed_forward_proj": "gated-gelu"}""", "feed_forward_proj")]
    [InlineData("""{"time_step_limit": [0.0, Infinity]}""", """{"time_step_limit": [0.0, 0.1]}""", "time_step_limit")]
    [InlineData("""{"model_type": "llama"}""", """{"model_type": "mistral"}""", "model_type")]
    [InlineData("""{"text_config": {"num_attention_heads": 8}}""", """{"text_config": {"num_attention_heads": 16}}""", "num_attention_heads")]
    [InlineData("""{"num_attention_heads": 8}""", """{"text_config": {"num_attention_heads": 16}}""", "num_attention_heads")]
    [InlineData("""{"transformers_version": "4.1", "use_cache": true}""", """{"transformers_version": "5.0", "use_cache": false}""", null)]
    public void Configurations_that_give_weights_another_meaning_are_a_warning_that_names_the_keys(string ofBase, string ofAligned, string? key)
    {
        WritePair();
        place.Write("base/config.json", ofBase);
        place.Write("aligned/config.json", ofAligned);

        PlanWarning[] warnings = [.. PlanOf().Warnings.Where(warning => warning.Code == "EXPO1222")];

        if (key is null)
        {
            Assert.Empty(warnings);
            return;
        }

        Assert.Contains(key, Assert.Single(warnings).Message, StringComparison.Ordinal);
        Assert.Equal("EXPO1222", Assert.Single(Assert.Throws<PlanningException>(() => PlanOf(strict: true)).Problems).Code);
    }

    [Theory]
    [InlineData("""{"model": {"vocab": {"a": 0, "b": 1, "c": 2}}}""", """{"model": {"vocab": {"a": 0, "x": 1, "b": 2, "c": 3}}}""", "1 ('b' in base, 'x' in aligned)")]
    [InlineData("""{"model": {"vocab": [["a", 0.0], ["b", -1.0]]}}""", """{"model": {"vocab": [["a", 0.0], ["x", -1.0], ["b", -2.0]]}}""", "1 ('b' in base, 'x' in aligned)")]
    [InlineData("""{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1, "content": "<s>"}]}""", """{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 1, "content": "<t>"}]}""", "1 ('<s>' in base, '<t>' in aligned)")]
    [InlineData("""{"model": {"vocab": {"a": 0, "b": 1}}}""", """{"model": {"vocab": {"a": 0, "b": 1, "c": 2}}}""", null)]
    [InlineData("no json", """{"model": {"vocab": {"a": 0}}}""", null)]
    public void Tokenizers_that_differ_in_the_middle_are_a_warning_with_the_first_ids(string ofBase, string ofAligned, string? first)
    {
        place.Write("base/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [4, 4], 1));
        place.Write("aligned/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [4, 4], 1));
        place.Write("base/tokenizer.json", ofBase);
        place.Write("aligned/tokenizer.json", ofAligned);

        string[] messages = [.. PlanOf().Warnings.Where(warning => warning.Code == "EXPO1223").Select(warning => warning.Message)];

        Assert.Equal(first is null ? 0 : 1, messages.Length);
        Assert.All(messages, message => Assert.Contains(first!, message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_configuration_of_quantised_weights_beside_plain_ones_is_a_warning()
    {
        WritePair();
        place.Write("aligned/config.json", """{"quantization_config": {"quant_method": "fp8"}}""");

        Assert.Equal("EXPO1224", Assert.Single(PlanOf().Warnings).Code);
    }

    [Fact]
    public void A_vocabulary_that_is_not_its_rows_is_a_warning()
    {
        place.Write("base/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [4, 4], 1));
        place.Write("aligned/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [4, 4], 1));
        place.Write("aligned/config.json", """{"vocab_size": 5}""");

        Assert.Equal("EXPO1226", Assert.Single(PlanOf().Warnings).Code);
    }

    [Theory]
    [InlineData("""{"vocab_size": 4, "model_type": "mllama"}""", 12)]
    [InlineData("""{"vocab_size": 4, "embedding_size": 6}""", 6)]
    [InlineData("""{"vocab_size": 4, "padded_vocab_size": 8}""", 8)]
    [InlineData("""{"vocab_size": 4, "model_type": "moshi"}""", 5)]
    public void Rows_beside_the_vocabulary_that_the_family_has_are_no_warning(string config, long rows)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [rows, 4], (byte)side.Length));
            place.Write(side + "/config.json", config);
        }

        Assert.DoesNotContain(PlanOf().Warnings, warning => warning.Code == "EXPO1226");
    }

    [Theory]
    [InlineData(0.001, false)]
    [InlineData(0.1, false)]
    [InlineData(10, true)]
    public void Models_that_are_not_related_are_a_warning(double distance, bool warns)
    {
        WriteRandom("base", seed: 1, distance: 0);
        WriteRandom("aligned", seed: 1, distance);

        Assert.Equal(warns, PlanOf().Warnings.Any(warning => warning.Code == "EXPO1220"));
        Assert.DoesNotContain(PlanOf(options: new PlanOptions { TakesSample = false }).Warnings, warning => warning.Code == "EXPO1220");
        if (warns)
        {
            Assert.Equal("EXPO1220", Assert.Throws<PlanningException>(() => PlanOf(strict: true)).Code);
        }
    }

    [Fact]
    public void A_base_that_is_aligned_is_a_warning()
    {
        WriteRandom("one", seed: 1, distance: 0);
        WriteRandom("copy", seed: 1, distance: 0);
        WriteRandom("other", seed: 1, distance: 0.0001);

        Assert.Contains("a sample of 1,024 weights has no difference", Assert.Single(PlanOf("one", "copy").Warnings).Message, StringComparison.Ordinal);
        Assert.Contains("the same files", Assert.Single(PlanOf("one", "one", options: new PlanOptions { TakesSample = false }).Warnings).Message, StringComparison.Ordinal);
        Assert.Empty(PlanOf("one", "copy", options: new PlanOptions { TakesSample = false }).Warnings);
        Assert.Empty(PlanOf("one", "other").Warnings);
        Assert.Equal("EXPO1231", Assert.Throws<PlanningException>(() => PlanOf("one", "copy", strict: true)).Code);
    }

    [Theory]
    [InlineData("zephyr-dpo", "zephyr-sft", true)]
    [InlineData("zephyr-sft", "zephyr-dpo", false)]
    [InlineData("aligned", "base", true)]
    [InlineData("one", "two", false)]
    [InlineData("zephyr-7b-alpha", "mistral-7b-sft-alpha", true)]
    [InlineData("mistral-7b-sft-alpha", "zephyr-7b-alpha", false)]
    [InlineData("Qwen2-7B-Instruct", "Qwen2-7B", true)]
    [InlineData("gemma-2-9b-it", "gemma-2-9b", true)]
    [InlineData("Qwen2-7B", "Qwen2-7B-Instruct", false)]
    public void Base_and_aligned_that_look_exchanged_are_a_warning(string one, string other, bool warns)
    {
        WriteRandom(one, seed: 1, distance: 0);
        WriteRandom(other, seed: 1, distance: 0.01);

        Assert.Equal(warns, PlanOf(one, other).Warnings.Any(warning => warning.Code == "EXPO1221"));
    }

    [Fact]
    public void A_base_that_was_made_from_aligned_is_a_warning()
    {
        WriteRandom("one", seed: 1, distance: 0);
        WriteRandom("two", seed: 1, distance: 0.01);
        place.Write("one/config.json", """{"_name_or_path": "/somewhere/two"}""");

        Assert.Equal("EXPO1221", Assert.Single(PlanOf("one", "two").Warnings).Code);
    }

    [Fact]
    public void Of_two_between_which_is_interpolated_neither_came_first()
    {
        WriteRandom("model-dpo", seed: 1, distance: 0);
        WriteRandom("model-sft", seed: 1, distance: 0.01);
        var recipe = new Recipe { Base = place.PathOf("model-dpo"), Aligned = place.PathOf("model-sft"), Alpha = 0.3 };

        Assert.Contains(Planner.Plan(recipe).Warnings, warning => warning.Code == "EXPO1221");
        Assert.DoesNotContain(Planner.Plan(recipe with { Alpha = -0.3 }).Warnings, warning => warning.Code == "EXPO1221");
        Assert.DoesNotContain(Planner.Plan(recipe with { Alpha = new AlphaRule.ByDepth([-0.3, -0.2]) }).Warnings, warning => warning.Code == "EXPO1221");
    }

    [Theory]
    [InlineData("""{"rope_theta": 1e4, "rope_scaling": {"type": "yarn", "factor": 4.0}}""", """{"rope_parameters": {"rope_theta": 10000.0, "rope_type": "yarn", "factor": 4, "beta_fast": 32.0}}""")]
    [InlineData("""{"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}}""", """{"rope_parameters": {"rope_theta": 500000.0, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0}}""")]
    [InlineData("""{"rope_theta": 1e4, "rope_scaling": {"type": "dynamic", "factor": 2.0}}""", """{"rope_parameters": {"rope_theta": 1e4, "rope_type": "dynamic", "factor": 2.0}}""")]
    [InlineData("""{"rope_theta": 1e4, "rope_scaling": {"type": "linear", "factor": 1.0}}""", """{"rope_parameters": {"rope_theta": 1e4, "rope_type": "default"}}""")]
    [InlineData("""{"rope_theta": 1e6, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}""", """{"rope_parameters": {"rope_theta": 1e6, "rope_type": "default", "mrope_section": [16,24,24]}}""")]
    [InlineData("""{"original_max_position_embeddings": 4096, "rope_scaling": {"type": "su", "short_factor": [1.0, 1.05], "long_factor": [1.1, 2]}}""", """{"rope_parameters": {"rope_type": "longrope", "original_max_position_embeddings": 4096, "short_factor": [1, 1.05], "long_factor": [1.1, 2.0]}}""")]
    [InlineData("""{"rope_scaling": {"type": "longrope", "rope_type": "longrope"}}""", """{"rope_scaling": {"type": "su"}}""")]
    [InlineData("""{"rope_theta": 1e4, "partial_rotary_factor": 0.5}""", """{"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.5, "rope_type": "default"}}""")]
    [InlineData("""{"rotary_emb_base": 10000, "rotary_pct": 0.25}""", """{"rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.25, "rope_type": "default"}}""")]
    [InlineData("""{"rope_theta": 1e6, "rope_local_base_freq": 1e4, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}""", """{"rope_parameters": {"full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8.0}, "sliding_attention": {"rope_theta": 1e4, "rope_type": "default"}}}""")]
    [InlineData("""{"text_config": {"rope_theta": 1e6}}""", """{"text_config": {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}}""")]
    [InlineData("""{"rope_theta": 1e6, "rope_scaling": null}""", """{"text_config": {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}}""")]
    [InlineData("""{"hidden_act": "silu"}""", """{"hidden_act": "swish"}""")]
    [InlineData("""{"hidden_act": "gelu_pytorch_tanh"}""", """{"hidden_act": "gelu_new"}""")]
    [InlineData("""{"model_type": "llama", "hidden_size": 4}""", """{"model_type": "llava", "text_config": {"model_type": "llama", "hidden_size": 4}}""")]
    [InlineData("""{"model_type": "qwen2_vl"}""", """{"model_type": "qwen2_vl", "text_config": {"model_type": "qwen2_vl_text"}}""")]
    [InlineData("""{"model_type": "gemma3", "text_config": {"model_type": "gemma3_text"}}""", """{"model_type": "gemma3_text"}""")]
    [InlineData("""{"model_type": "internvl_chat", "llm_config": {"hidden_size": 4}}""", """{"model_type": "qwen2", "hidden_size": 4}""")]
    [InlineData("""{"model_type": "llama", "torch_dtype": "bfloat16"}""", """{"model_type": "llama", "dtype": "float32"}""")]
    [InlineData("""{"rms_norm_eps": 1e-05}""", """{"rms_norm_eps": 0.00001}""")]
    public void Configurations_that_say_the_same_in_other_words_are_no_warning(string one, string other)
    {
        Assert.Empty(ConfigurationWarnings(one, other));
        Assert.Empty(ConfigurationWarnings(other, one));
    }

    [Theory]
    [InlineData("""{"rope_theta": 1e4, "rope_scaling": {"type": "yarn", "factor": 4.0}}""", """{"rope_parameters": {"rope_theta": 1e4, "rope_type": "yarn", "factor": 8.0}}""", "rope_scaling.factor and rope_parameters.factor (4.0 in base, 8.0 in aligned)")]
    [InlineData("""{"rope_scaling": {"type": "linear", "factor": 4.0}}""", """{"rope_scaling": {"type": "dynamic", "factor": 4.0}}""", "rope_scaling.type (linear in base, dynamic in aligned)")]
    [InlineData("""{"rope_scaling": {"type": "su", "long_factor": [1.0, 2.0]}}""", """{"rope_scaling": {"type": "longrope", "long_factor": [1.0, 3.0]}}""", "rope_scaling.long_factor ([1.0,2.0] in base, [1.0,3.0] in aligned)")]
    [InlineData("""{"rope_scaling": {"type": "yarn", "factor": 4.0}}""", """{"rope_scaling": {"type": "yarn", "factor": 4.0, "beta_fast": 64}}""", "rope_scaling.beta_fast (32 in base, 64 in aligned)")]
    [InlineData("""{"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}""", """{"rope_parameters": {"rope_type": "default", "mrope_section": [8, 12, 12]}}""", "mrope_section ([16,24,24] in base, [8,12,12] in aligned)")]
    [InlineData("""{"partial_rotary_factor": 0.5}""", """{"rope_parameters": {"partial_rotary_factor": 0.25}}""", "partial_rotary_factor and rope_parameters.partial_rotary_factor (0.5 in base, 0.25 in aligned)")]
    [InlineData("""{"rope_theta": 1e6, "rope_local_base_freq": 10000}""", """{"rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_theta": 20000}}}""", "rope_local_base_freq and rope_parameters.sliding_attention.rope_theta (10000 in base, 20000 in aligned)")]
    [InlineData("""{"rope_theta": 500, "rope_local_base_freq": 10000}""", """{"rope_parameters": {"full_attention": {"rope_theta": 1000}, "sliding_attention": {"rope_theta": 10000}}}""", "rope_parameters.full_attention.rope_theta (500 in base, 1000 in aligned)")]
    [InlineData("""{"rope_parameters": {"full_attention": {"rope_theta": 1e6, "rope_type": "linear", "factor": 8}}}""", """{"rope_parameters": {"full_attention": {"rope_theta": 1e6, "rope_type": "default"}}}""", "rope_parameters.full_attention.rope_type (linear in base, default in aligned)")]
    [InlineData("""{"text_config": {"rope_parameters": {"rope_theta": 500}}}""", """{"text_config": {"rope_parameters": {"rope_theta": 1000}}}""", "text_config.rope_parameters.rope_theta (500 in base, 1000 in aligned)")]
    [InlineData("""{"vision_config": {"rope_theta": 500}}""", """{"vision_config": {"rope_parameters": {"rope_theta": 1000}}}""", "(500 in base, 1000 in aligned)")]
    [InlineData("""{"hidden_act": "gelu"}""", """{"hidden_act": "gelu_new"}""", "hidden_act (gelu in base, gelu_new in aligned)")]
    [InlineData("""{"model_type": "llama"}""", """{"model_type": "llava", "text_config": {"model_type": "mixtral"}}""", "model_type and text_config.model_type (llama in base, mixtral in aligned)")]
    [InlineData("""{"model_type": "llava", "text_config": {"model_type": "llama"}}""", """{"model_type": "llava", "text_config": {"model_type": "mistral"}}""", "text_config.model_type (llama in base, mistral in aligned)")]
    [InlineData("""{"vocab_size": 8}""", """{"vocab_size": 9}""", "vocab_size (8 in base, 9 in aligned)")]
    public void Configurations_that_say_another_thing_are_named_with_both_values(string one, string other, string said)
    {
        Assert.Contains(said, Assert.Single(ConfigurationWarnings(one, other)).Message, StringComparison.Ordinal);
        Assert.Single(ConfigurationWarnings(other, one));
    }

    [Fact]
    public void Vocabularies_of_which_the_common_rows_are_joined_are_not_said_again()
    {
        place.Write("base/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [4, 4], 1));
        place.Write("aligned/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [5, 4], 1));
        place.Write("base/config.json", """{"vocab_size": 4}""");
        place.Write("aligned/config.json", """{"vocab_size": 5}""");
        var recipe = new Recipe
        {
            Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3,
            OnMismatch = MismatchPolicy.ExtrapolateCommonRows,
        };

        Assert.Empty(Planner.Plan(recipe).Warnings);
    }

    private IEnumerable<PlanWarning> ConfigurationWarnings(string ofBase, string ofAligned)
    {
        WritePair();
        place.Write("base/config.json", ofBase);
        place.Write("aligned/config.json", ofAligned);
        return PlanOf().Warnings.Where(warning => warning.Code == "EXPO1222");
    }

    private void WritePair()
    {
        place.Write("base/model.safetensors", ("w", Dtype.BF16, [4], 1));
        place.Write("aligned/model.safetensors", ("w", Dtype.BF16, [4], 1));
    }

    private void WriteRandom(string side, int seed, double distance)
    {
        string path = place.Write(side + "/model.safetensors", ("model.layers.0.w.weight", Dtype.F32, [32, 32], 0));
        var random = new Random(seed);
        var other = new Random(seed + 1);
        float[] values = [.. Enumerable.Range(0, 32 * 32).Select(_ => (float)(random.NextDouble() - 0.5 + (distance * (other.NextDouble() - 0.5))))];
        using FileStream file = File.OpenWrite(path);
        file.Seek(-4 * values.Length, SeekOrigin.End);
        file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }

    private PlannedMerge PlanOf(string one = "base", string other = "aligned", bool strict = false, PlanOptions? options = null) =>
        Planner.Plan(new Recipe { Base = place.PathOf(one), Aligned = place.PathOf(other), Alpha = 0.3, Strict = strict }, options: options);
}
