using System.Collections.Immutable;
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
    [InlineData("consolidated.safetensors", 20L)]
    [InlineData("model.safetensors", null)]
    public void Parameters_of_consolidated_weights_do_not_go_along_with_others(string weights, long? maxShardBytes)
    {
        WriteBoth(weights);
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
    [InlineData("anything.safetensors", "model.safetensors")]
    public void A_single_file_keeps_the_name_that_its_loader_wants(string name, string written)
    {
        WriteBoth(name);

        Assert.Equal(written, Assert.Single(Plan().Plan.Files).Name);
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
