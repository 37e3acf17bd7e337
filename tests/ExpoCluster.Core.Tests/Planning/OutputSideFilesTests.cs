using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

/// <summary>What goes along with the weights says what the output is, whatever aligned's own files say.</summary>
public sealed class OutputSideFilesTests : IDisposable
{
    private const string MistralParameters = """{"dim": 4, "n_layers": 1, "n_heads": 1, "vocab_size": 8}""";

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Consolidated_weights_keep_their_name_and_their_parameters()
    {
        WriteBoth("consolidated.safetensors");
        place.Write("aligned/params.json", MistralParameters);

        PlannedMerge merge = Plan();

        Assert.Equal("consolidated.safetensors", Assert.Single(merge.Plan.Files).Name);
        Assert.Contains(merge.SideFiles, file => file.RelativePath == "params.json");
        Assert.Equal("consolidated.safetensors", Assert.Single(Plan(maxShardBytes: 1 << 20).Plan.Files).Name);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(20L)]
    public void Parameters_of_consolidated_weights_do_not_go_along_with_others(long? maxShardBytes)
    {
        WriteBoth("model.safetensors");
        place.Write("aligned/params.json", MistralParameters);

        PlannedMerge merge = Plan(maxShardBytes);

        Assert.All(merge.Plan.Files, file => Assert.StartsWith("model", file.Name, StringComparison.Ordinal));
        Assert.DoesNotContain(merge.SideFiles, file => file.RelativePath == "params.json");
        Assert.Contains(merge.Notes, note => note.StartsWith("params.json is left out", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("hf_quant_config.json")]
    [InlineData("quantize_config.json")]
    public void What_says_that_plain_weights_are_quantised_does_not_go_along(string name)
    {
        WriteBoth("model.safetensors");
        place.Write("aligned/" + name, "{}");

        PlannedMerge merge = Plan();

        Assert.DoesNotContain(merge.SideFiles, file => file.RelativePath == name);
        Assert.Contains(merge.Notes, note => note.StartsWith(name + " is left out", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"learning_rate": 1e-5}""")]
    [InlineData("""{"dim": """)]
    [InlineData("[]")]
    public void Parameters_of_something_else_go_along(string parameters)
    {
        WriteBoth("model.safetensors");
        place.Write("aligned/params.json", parameters);

        Assert.Contains(Plan().SideFiles, file => file.RelativePath == "params.json");
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors")]
    [InlineData("diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.fp16.safetensors")]
    [InlineData("anything.safetensors", "model.safetensors")]
    public void A_single_file_keeps_the_name_that_its_loader_wants(string name, string written)
    {
        WriteBoth(name);

        Assert.Equal(written, Assert.Single(Plan().Plan.Files).Name);
    }

    [Theory]
    [InlineData("rank0.safetensors", "config.json", """{"architecture": "LlamaForCausalLM"}""", "rank0.safetensors")]
    [InlineData("open_clip_model.safetensors", "open_clip_config.json", "{}", "open_clip_model.safetensors")]
    [InlineData("weights.safetensors", "config.json", """{"model_type": "llama"}""", "model.safetensors")]
    [InlineData("weights.safetensors", "config.json", """{"architectures": ["LlamaForCausalLM"]}""", "model.safetensors")]
    [InlineData("weights.safetensors", "tokenizer_config.json", "{}", "model.safetensors")]
    [InlineData("model.fp16.safetensors", "config.json", """{"_class_name": "X"}""", "model.safetensors")]
    [InlineData("we ights;.safetensors", "config.json", """{"_class_name": "X"}""", "model.safetensors")]
    public void A_single_file_keeps_its_name_where_a_configuration_is_of_another_loader(string name, string beside, string content, string written)
    {
        WriteBoth(name);
        place.Write("aligned/" + beside, content);

        Assert.Equal(written, Assert.Single(Plan().Plan.Files).Name);
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.safetensors", "diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model.safetensors.index.json")]
    [InlineData("diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.fp16-00001-of-00002.safetensors", "diffusion_pytorch_model.safetensors.index.fp16.json")]
    [InlineData("consolidated.safetensors", "consolidated-00001-of-00002.safetensors", "consolidated.safetensors.index.json")]
    [InlineData("model.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json")]
    public void A_file_that_is_split_keeps_what_its_name_begins_with(string weights, string first, string index)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write($"{side}/{weights}", [("a", Dtype.F32, [4], 1), ("b", Dtype.F32, [4], 1)]);
        }

        place.Write("aligned/params.json", MistralParameters);

        PlannedMerge merge = Plan(maxShardBytes: 20);

        Assert.Equal(first, merge.Plan.Files[0].Name);
        Assert.Equal(index, OutputNames.IndexName(merge.Plan.Files.Select(file => file.Name)));
        Assert.Equal(weights == "consolidated.safetensors", merge.SideFiles.Any(file => file.RelativePath == "params.json"));
    }

    [Theory]
    [InlineData("diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model-{0}.safetensors", "diffusion_pytorch_model-{0}.safetensors")]
    [InlineData("diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model.fp16-{0}.safetensors", "diffusion_pytorch_model.fp16-{0}.safetensors")]
    [InlineData("diffusion_pytorch_model.safetensors.index.fp16.json", "diffusion_pytorch_model-{0}.fp16.safetensors", "diffusion_pytorch_model-{0}.fp16.safetensors")]
    [InlineData("diffusion_pytorch_model.safetensors.index.json", "part-{0}.safetensors", "diffusion_pytorch_model-{0}.safetensors")]
    [InlineData("consolidated.safetensors.index.json", "consolidated-{0}.safetensors", "consolidated-{0}.safetensors")]
    [InlineData("something.safetensors.index.json", "something-{0}.safetensors", "model-{0}.safetensors")]
    [InlineData("pytorch_model.bin.index.json", "pytorch_model-{0}.safetensors", "model-{0}.safetensors")]
    public void Files_of_an_index_keep_what_their_loader_looks_for(string index, string files, string written)
    {
        string[] names = [string.Format(CultureInfo.InvariantCulture, files, "00001-of-00002"), string.Format(CultureInfo.InvariantCulture, files, "00002-of-00002")];
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write($"{side}/{names[0]}", [("a", Dtype.F32, [4], 1)]);
            place.Write($"{side}/{names[1]}", [("b", Dtype.F32, [4], 1)]);
            place.Write($"{side}/{index}", $$$"""{"weight_map": {"a": "{{{names[0]}}}", "b": "{{{names[1]}}}"}}""");
        }

        place.Write("aligned/params.json", MistralParameters);

        PlannedMerge merge = Plan();

        Assert.Equal(string.Format(CultureInfo.InvariantCulture, written, "00002-of-00002"), merge.Plan.Files[1].Name);
        Assert.Equal(
            written.StartsWith("model", StringComparison.Ordinal) ? "model.safetensors.index.json" : index,
            OutputNames.IndexName(merge.Plan.Files.Select(file => file.Name)));
        Assert.DoesNotContain(merge.SideFiles, file => file.RelativePath == index);
        Assert.Equal(index.StartsWith("consolidated", StringComparison.Ordinal), merge.SideFiles.Any(file => file.RelativePath == "params.json"));
    }

    [Theory]
    [InlineData("""{"tie_word_embeddings": true}""", """{"tie_word_embeddings": false}""")]
    [InlineData("""{"text_config":{"tie_word_embeddings":true}}""", """{"tie_word_embeddings": false,"text_config":{"tie_word_embeddings":false}}""")]
    public void A_head_that_is_extrapolated_against_the_embedding_is_not_tied_any_more(string before, string after)
    {
        place.Write("base/model.safetensors", [("model.embed_tokens.weight", Dtype.F32, [8, 4], 1)]);
        place.Write("aligned/model.safetensors", [("model.embed_tokens.weight", Dtype.F32, [8, 4], 2), ("lm_head.weight", Dtype.F32, [8, 4], 3)]);
        place.Write("aligned/config.json", before);

        PlannedMerge merge = Plan(rule: MismatchPolicy.Untie);

        Assert.Contains(merge.Notes, note => note.Contains("tie_word_embeddings is set to false", StringComparison.Ordinal));
        Assert.Equal(after, Published(merge, before));
    }

    [Fact]
    public void A_head_that_both_sides_store_leaves_the_configuration_alone()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", [("model.embed_tokens.weight", Dtype.F32, [8, 4], 1), ("lm_head.weight", Dtype.F32, [8, 4], 1)]);
        }

        const string Config = """{"tie_word_embeddings": true}""";
        place.Write("aligned/config.json", Config);

        Assert.Equal(Config, Published(Plan(), Config));
    }

    [Fact]
    public void A_promise_of_quantised_weights_is_not_made_for_plain_ones()
    {
        WriteBoth("model.safetensors");
        const string Config = """{"dtype": "bfloat16", "quantization_config": {"quant_method": "fp8"}}""";
        place.Write("aligned/config.json", Config);

        PlannedMerge merge = Plan();

        Assert.Equal("""{"dtype": "float32"}""", Published(merge, Config));
        Assert.Contains(merge.Notes, note => note.StartsWith("config.json: quantization_config is left out", StringComparison.Ordinal));
    }

    [Fact]
    public void A_promise_of_quantised_weights_is_kept_where_codes_are_written()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", [("a.weight", Dtype.F8E4M3, [8, 4], 1), ("a.weight_scale_inv", Dtype.F32, [1, 1], 1), ("w", Dtype.F32, [4], 2)]);
        }

        Plan plan = Planner.Plan(new Recipe
        {
            Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5,
            OnMismatch = new MismatchRule.ByPattern(new TensorPatterns<MismatchPolicy>([new TensorPattern<MismatchPolicy>("a.*", MismatchPolicy.CopyAligned)])),
        }).Plan;
        const string Config = """{"quantization_config": {"quant_method": "fp8"}}""";

        Assert.Equal(Config, Encoding.UTF8.GetString(OutputSideFiles.ContentOf(plan, "config.json", Encoding.UTF8.GetBytes(Config))));
    }

    [Fact]
    public void Settings_of_generation_that_cannot_be_saved_are_told_and_go_along()
    {
        WriteBoth("model.safetensors");
        place.Write("aligned/generation_config.json", """{"do_sample": false, "temperature": 0.6}""");

        PlannedMerge merge = Plan();

        Assert.Contains(merge.Notes, note => note.StartsWith("generation_config.json is copied as it is, but transformers refuses to save it: it has temperature 0.6", StringComparison.Ordinal));
        Assert.Contains(merge.SideFiles, file => file.RelativePath == "generation_config.json");
    }

    private static string Published(PlannedMerge merge, string config) =>
        Encoding.UTF8.GetString(OutputSideFiles.ContentOf(merge.Plan, "config.json", Encoding.UTF8.GetBytes(config)));

    private PlannedMerge Plan(long? maxShardBytes = null, MismatchPolicy rule = MismatchPolicy.Error) => Planner.Plan(new Recipe
    {
        Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5, MaxShardBytes = maxShardBytes, OnMismatch = rule,
    });

    private void WriteBoth(string weights)
    {
        ImmutableArray<(string Side, byte Fill)> sides = [("base", 1), ("aligned", 2)];
        foreach ((string side, byte fill) in sides)
        {
            place.Write($"{side}/{weights}", [("a.weight", Dtype.F32, [4], fill), ("b.weight", Dtype.F32, [4], fill)]);
        }
    }
}
