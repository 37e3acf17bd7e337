using System.Text;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.SideFiles;

/// <summary>What goes along with the weights says what was written.</summary>
public sealed class ConfigChangesTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("""{"dtype": "bfloat16", "text_config": {"torch_dtype": "bfloat16"}}""", """{"dtype": "float32", "text_config": {"torch_dtype": "float32"}}""", true)]
    [InlineData("""{"text_config": {"vision": {"dtype": null}}}""", """{"text_config": {"vision": {"dtype": "float32"}}}""", true)]
    [InlineData("""{"dtype": "bfloat16", "vision_config": {"dtype": "float16"}}""", """{"dtype": "float32", "vision_config": {"dtype": "float16"}}""", false)]
    [InlineData("""{"text_config": {}, "x": [{"dtype": "int8"}]}""", """{"text_config": {}, "x": [{"dtype": "int8"}]}""", true)]
    public void Every_dtype_agrees_with_what_was_written_and_none_is_added(string config, string expected, bool isOneDtype) =>
        Assert.Equal(expected, With(config, new ConfigChanges(Dtype.F32, isOneDtype, IsUntied: false, IsPlain: false)));

    [Theory]
    [InlineData("""{"a": 1, "tie_word_embeddings": true}""", """{"a": 1, "tie_word_embeddings": false}""")]
    [InlineData("""{"text_config": {"tie_word_embeddings":true}}""", """{"text_config": {"tie_word_embeddings":false}}""")]
    [InlineData("""{"tie_word_embeddings": false}""", """{"tie_word_embeddings": false}""")]
    [InlineData("""{"model_type": "llama"}""", """{"model_type": "llama"}""")]
    [InlineData("""{"model_type": "gemma2"}""", "{\n  \"tie_word_embeddings\": false,\"model_type\": \"gemma2\"}")]
    public void A_head_of_its_own_is_not_tied(string config, string expected) =>
        Assert.Equal(expected, With(config, new ConfigChanges(null, IsOneDtype: false, IsUntied: true, IsPlain: false)));

    [Theory]
    [InlineData("""{"a": 1, "quantization_config": {"quant_method": "fp8", "dtype": "bfloat16"}, "b": 2}""", """{"a": 1, "b": 2}""")]
    [InlineData("""{"a": 1, "quantization_config": {}}""", """{"a": 1}""")]
    [InlineData("""{"quantization_config": {}}""", "{}")]
    [InlineData("""{"text_config": {"quantization_config": {"x": [1]}, "b": 2}}""", """{"text_config": {"b": 2}}""")]
    public void Plain_weights_have_no_quantisation(string config, string expected) =>
        Assert.Equal(expected, With(config, new ConfigChanges(null, IsOneDtype: false, IsUntied: false, IsPlain: true)));

    [Fact]
    public void Folders_that_modules_name_go_along_and_no_others()
    {
        place.Write("m/modules.json", """[{"idx": 0, "path": ""}, {"idx": 1, "path": "1_Pooling"}, {"idx": 2, "path": "2_Dense"}, {"idx": 3, "path": "../out"}, 7]""");
        place.Write("m/1_Pooling/config.json", "{}");
        place.Write("m/2_Dense/model.safetensors", "x");
        place.Write("m/3_Other/config.json", "{}");
        place.Write("out/config.json", "{}");

        Assert.Equal(["1_Pooling/config.json", "2_Dense/model.safetensors", "modules.json"], SideFileSelection.Select(place.PathOf("m")).Select(file => file.RelativePath));
    }

    [Theory]
    [InlineData("consolidated.safetensors", true, "consolidated.safetensors", true)]
    [InlineData("consolidated.safetensors", false, "model.safetensors", false)]
    [InlineData("model.safetensors", true, "model.safetensors", false)]
    public void Consolidated_weights_keep_the_name_that_their_loader_wants(string file, bool hasParameters, string expected, bool goesAlong)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write($"{side}/{file}", ("w", Dtype.BF16, [4], 1));
            if (hasParameters)
            {
                place.Write(side + "/params.json", """{"dim": 8, "n_layers": 1}""");
            }
        }

        Plan plan = Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 }).Plan;

        Assert.Equal(expected, plan.Files[0].Name);
        Assert.Equal(goesAlong, PublishSequence.NamesOfVariant(plan, []).Contains("params.json"));
    }

    [Theory]
    [InlineData("""{"do_sample": false, "temperature": 0.7, "top_p": 0.9}""", "temperature, top_p")]
    [InlineData("""{"temperature": 0.7}""", "temperature")]
    [InlineData("""{"do_sample": true, "temperature": 0.7}""", null)]
    [InlineData("""{"do_sample": false, "temperature": 1.0, "top_k": 50}""", null)]
    public void A_generation_configuration_that_cannot_be_saved_again_is_noted(string config, string? keys)
    {
        place.Write("base/model.safetensors", ("w", Dtype.BF16, [4], 1));
        place.Write("aligned/model.safetensors", ("w", Dtype.BF16, [4], 1));
        place.Write("aligned/generation_config.json", config);

        string[] notes = [.. Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 }).Notes];

        Assert.Equal(keys is null ? 0 : 1, notes.Length);
        Assert.All(notes, note => Assert.EndsWith("has " + keys, note, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("/home/me/private/sft/model.safetensors", "sft/model.safetensors")]
    [InlineData("/home/me/.cache/models--org--big-model/blobs/0123", "hf:org/big-model/0123")]
    [InlineData("hf:org/name@abc/model.safetensors", "hf:org/name@abc/model.safetensors")]
    public void Published_records_name_no_private_paths(string path, string published) => Assert.Equal(published, PublishedName.OfFile(path));

    [Fact]
    public void A_strict_recipe_is_read_back_and_others_are_written_as_before()
    {
        var recipe = new Recipe { Base = "a", Aligned = "b", Alpha = 0.3 };

        Assert.DoesNotContain("strict", recipe.ToCanonicalJson(), StringComparison.Ordinal);
        Assert.True(Recipe.FromCanonicalJson((recipe with { Strict = true }).ToCanonicalJson()).Strict);
        Assert.DoesNotContain("strict", PublishedName.Of(recipe with { Strict = true }).ToCanonicalJson(), StringComparison.Ordinal);
    }

    private static string With(string config, ConfigChanges changes) => Encoding.UTF8.GetString(ConfigJson.With(Encoding.UTF8.GetBytes(config), changes));
}
