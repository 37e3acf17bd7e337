using System.Text;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.SideFiles;

/// <summary>The output's <c>config.json</c> says what the output is, and every other byte of it is aligned's.</summary>
public sealed class OutputConfigTests
{
    [Theory]
    [InlineData("""{"dtype": "bfloat16", "text_config": {"dtype": "bfloat16"}}""", """{"dtype": "float32", "text_config": {"dtype": "float32"}}""")]
    [InlineData("""{"vision_config":{"torch_dtype":"float16"},"text_config":{"a":{"dtype":"half"}}}""", """{"vision_config":{"torch_dtype":"float32"},"text_config":{"a":{"dtype":"float32"}}}""")]
    [InlineData("""{"models": [{"torch_dtype": "bfloat16"}, {"x": {"dtype": "float64"}}]}""", """{"models": [{"torch_dtype": "float32"}, {"x": {"dtype": "float32"}}]}""")]
    [InlineData("""{"text_config": {"torch_dtype": "torch.bfloat16"}}""", """{"text_config": {"torch_dtype": "torch.float32"}}""")]
    [InlineData("""{"text_config": {"torch_dtype": "float"}}""", """{"text_config": {"torch_dtype": "float"}}""")]
    [InlineData("""{"text_config": {"torch_dtype": null}, "a": {"dtype": "auto"}, "b": {"dtype": "uint8"}}""", """{"text_config": {"torch_dtype": null}, "a": {"dtype": "auto"}, "b": {"dtype": "uint8"}}""")]
    [InlineData("""{"quantization_config": {"dtype": "bfloat16"}, "vision_config": {}}""", """{"quantization_config": {"dtype": "bfloat16"}, "vision_config": {}}""")]
    [InlineData("""{"bnb_4bit_compute_dtype": "bfloat16", "a": {"mamba_ssm_dtype": "float16"}}""", """{"bnb_4bit_compute_dtype": "bfloat16", "a": {"mamba_ssm_dtype": "float16"}}""")]
    public void Every_dtype_key_agrees_with_what_was_written_and_none_is_added(string before, string after) =>
        Assert.Equal(after, Changed(before, new OutputFacts(WrittenDtypes.Only(Dtype.F32))));

    [Fact]
    public void A_configuration_that_is_quantised_without_end_is_refused_and_not_read_again_for_each()
    {
        string many = $"{{{string.Join(", ", Enumerable.Range(0, 50).Select(number => $"\"m{number}\": {{\"quantization_config\": 1}}"))}}}";

        CheckpointException refused = Assert.Throws<CheckpointException>(() => Changed(many, new OutputFacts(WrittenDtypes.Only(Dtype.F32), IsPlain: true)));

        Assert.Equal("EXPO1133", refused.Code);
    }

    [Fact]
    public void A_sub_model_that_was_written_in_another_dtype_says_so()
    {
        WrittenDtypes written = Written(
            ("model.language_model.layers.0.mlp.up_proj.weight", Dtype.BF16), ("model.visual.blocks.0.attn.qkv.weight", Dtype.F32), ("audio_tower.conv1.weight", Dtype.F16));

        Assert.Equal(
            """{"dtype": "bfloat16", "text_config": {"dtype": "bfloat16"}, "vision_config": {"torch_dtype": "float32"}, "audio_config": {"dtype": "float16"}}""",
            Changed(
                """{"dtype": "float16", "text_config": {"dtype": "float16"}, "vision_config": {"torch_dtype": "bfloat16"}, "audio_config": {"dtype": "bfloat16"}}""",
                new OutputFacts(written)));
    }

    [Fact]
    public void A_language_model_without_a_name_of_its_own_has_the_tensors_that_no_other_sub_model_has()
    {
        WrittenDtypes written = Written(("model.layers.0.mlp.up_proj.weight", Dtype.BF16), ("vision_tower.blocks.0.fc.weight", Dtype.F32), ("vision_tower.blocks.1.fc.weight", Dtype.F32));

        Assert.Equal(
            """{"text_config": {"dtype": "bfloat16"}, "vision_config": {"dtype": "float32"}, "other_config": {"dtype": "float16"}}""",
            Changed("""{"text_config": {"dtype": "float32"}, "vision_config": {"dtype": "bfloat16"}, "other_config": {"dtype": "float16"}}""", new OutputFacts(written)));
    }

    [Theory]
    [InlineData("""{"tie_word_embeddings": true, "a": 1}""", """{"tie_word_embeddings": false, "a": 1}""")]
    [InlineData("""{"a": 1}""", """{"tie_word_embeddings": false,"a": 1}""")]
    [InlineData("{\n  \"a\": 1\n}\n", "{\n  \"tie_word_embeddings\": false,\n  \"a\": 1\n}\n")]
    [InlineData("{}", "{\"tie_word_embeddings\": false}")]
    [InlineData("""{"tie_word_embeddings": false, "text_config": {"tie_word_embeddings": true}}""", """{"tie_word_embeddings": false, "text_config": {"tie_word_embeddings": false}}""")]
    [InlineData("""{"tie_word_embeddings": true, "text_config": { "x": 1}}""", """{"tie_word_embeddings": false, "text_config": { "tie_word_embeddings": false, "x": 1}}""")]
    [InlineData("""{"tie_word_embeddings": true, "a": {"b": {"tie_word_embeddings": true}}}""", """{"tie_word_embeddings": false, "a": {"b": {"tie_word_embeddings": false}}}""")]
    public void A_head_of_its_own_is_not_tied_to_the_embedding(string before, string after)
    {
        ChangedConfig changed = ConfigJson.Of(Encoding.UTF8.GetBytes(before), new OutputFacts(WrittenDtypes.Only(Dtype.F32), IsUntied: true));

        Assert.Equal(after, Encoding.UTF8.GetString(changed.Content));
        Assert.Contains("tie_word_embeddings is set to false", Assert.Single(changed.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void What_says_so_already_stays_and_is_not_told()
    {
        const string Config = """{"tie_word_embeddings": false}""";

        ChangedConfig changed = ConfigJson.Of(Encoding.UTF8.GetBytes(Config), new OutputFacts(WrittenDtypes.Only(Dtype.F32), IsUntied: true));

        Assert.Equal(Config, Encoding.UTF8.GetString(changed.Content));
        Assert.Empty(changed.Notes);
    }

    [Theory]
    [InlineData("""{"a": 1, "quantization_config": {"x": [1, {"y": 2}]}, "b": 2}""", """{"a": 1, "b": 2}""", 1)]
    [InlineData("""{"quantization_config": {}, "b": 2}""", """{"b": 2}""", 1)]
    [InlineData("{\n  \"a\": 1,\n  \"quantization_config\": {}\n}", "{\n  \"a\": 1\n}", 1)]
    [InlineData("""{"quantization_config": {"quantization_config": 1}}""", "{}", 1)]
    [InlineData("""{"a": 1, "quantization_config": {}, "compression_config": {}}""", """{"a": 1}""", 2)]
    [InlineData("""{"text_config": {"quantization_config": null, "b": 2}}""", """{"text_config": {"b": 2}}""", 1)]
    [InlineData("""{"a": 1}""", """{"a": 1}""", 0)]
    public void Plain_weights_are_not_called_quantised(string before, string after, int notes)
    {
        ChangedConfig changed = ConfigJson.Of(Encoding.UTF8.GetBytes(before), new OutputFacts(WrittenDtypes.Only(Dtype.F32), IsPlain: true));

        Assert.Equal(after, Encoding.UTF8.GetString(changed.Content));
        Assert.Equal(notes, changed.Notes.Length);
    }

    [Fact]
    public void A_value_that_is_no_text_and_a_nested_key_that_is_none_stay_as_they_are()
    {
        const string Config = """{"dtype": "float32", "a": "\ud800", "b": {"\udc00": 1, "dtype": "\ud800"}}""";

        Assert.Equal(Config, Changed(Config, new OutputFacts(WrittenDtypes.Only(Dtype.F32), IsPlain: true)));
        Assert.Throws<CheckpointException>(() => Changed("""{"\ud800": 1}""", new OutputFacts(WrittenDtypes.Only(Dtype.F32))));
    }

    private static string Changed(string config, OutputFacts facts) => Encoding.UTF8.GetString(ConfigJson.Of(Encoding.UTF8.GetBytes(config), facts).Content);

    private static WrittenDtypes Written(params (string Name, Dtype Dtype)[] tensors) =>
        WrittenDtypes.Of(Dtype.BF16, tensors.Select(tensor => new SafetensorsTensor(tensor.Name, tensor.Dtype, [8, 8], 0, 64 * tensor.Dtype.Bits() / 8)));
}

public sealed class GenerationConfigTests
{
    [Theory]
    [InlineData("""{"do_sample": false, "temperature": 0.6, "top_p": 0.9}""", "temperature 0.6, top_p 0.9")]
    [InlineData("""{"temperature": 0.6}""", "temperature 0.6")]
    [InlineData("""{"do_sample": false, "top_k": 20, "min_p": 0.1}""", "top_k 20, min_p 0.1")]
    [InlineData("""{"do_sample": true, "temperature": 0.6}""", null)]
    [InlineData("""{"do_sample": false, "temperature": 1.0, "top_p": 1, "top_k": 50, "min_p": null}""", null)]
    [InlineData("""{"eos_token_id": [1, 2]}""", null)]
    [InlineData("""{"do_sample": false,""", null)]
    [InlineData("""[]""", null)]
    [InlineData("""{"\ud800": 1}""", null)]
    public void Settings_that_transformers_refuses_to_save_are_told(string json, string? settings)
    {
        string? note = GenerationConfig.NoteOn(Encoding.UTF8.GetBytes(json));

        Assert.Equal(settings is not null, note is not null);
        Assert.Contains(settings ?? "", note ?? "", StringComparison.Ordinal);
    }
}
