using System.Text;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.SideFiles;

public sealed class SideFileSelectionTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void What_a_loader_needs_goes_along_and_nothing_else()
    {
        string[] wanted = ["LICENSE", "USE_POLICY.md", "additional_chat_templates/tool_use.jinja", "chat_template.jinja", "config.json", "generation_config.json", "merges.txt", "modeling_custom.py", "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer.model.v3", "vocab.json"];
        string[] unwanted = ["README.md", "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json", "training_args.bin", "trainer_state.json", "optimizer.pt", ".gitattributes", ".cache/x.json", "expocluster.json", "runs/events.txt", "model.gguf", "logo.png", "adapter_config.json", "adapter_model.safetensors", "LICENSE.safetensors"];
        foreach (string name in wanted.Concat(unwanted))
        {
            place.Write(name, "x");
        }

        Assert.Equal(wanted.Order(StringComparer.Ordinal), SideFileSelection.Select(place.Path).Select(file => file.RelativePath));
    }

    [Fact]
    public void Links_are_followed_and_one_that_leads_nowhere_is_an_error()
    {
        string blob = place.Write("blob", "content");
        Directory.CreateDirectory(place.PathOf("m"));
        File.CreateSymbolicLink(place.PathOf("m", "config.json"), blob);
        Assert.Equal("content", File.ReadAllText(Assert.Single(SideFileSelection.Select(place.PathOf("m"))).SourcePath));

        File.Delete(blob);

        Assert.Equal("EXPO1131", Assert.Throws<CheckpointException>(() => SideFileSelection.Select(place.PathOf("m"))).Code);
    }

    [Fact]
    public void Links_in_a_circle_are_the_fault_of_the_input()
    {
        File.CreateSymbolicLink(place.PathOf("config.json"), "tokenizer.json");
        File.CreateSymbolicLink(place.PathOf("tokenizer.json"), "config.json");

        Assert.Equal("EXPO1107", Assert.Throws<CheckpointException>(() => SideFileSelection.Select(place.Path)).Code);
    }

    [Theory]
    [InlineData(256_000_000, null)]
    [InlineData(256_000_001, "EXPO1132")]
    public void What_is_larger_than_256_MB_is_no_side_file(long byteLength, string? code)
    {
        using (FileStream sparse = File.Create(place.PathOf("tokenizer.json")))
        {
            sparse.SetLength(byteLength);
        }

        Assert.Equal(code, (Record.Exception(() => SideFileSelection.Select(place.Path)) as CheckpointException)?.Code);
    }

    [Fact]
    public void Directories_are_no_side_files()
    {
        Directory.CreateDirectory(place.PathOf("config.json"));
        Directory.CreateDirectory(place.PathOf("target"));
        Directory.CreateSymbolicLink(place.PathOf("LICENSE"), "target");

        Assert.Empty(SideFileSelection.Select(place.Path));
    }

    [Theory]
    [InlineData("model.safetensors", true, true, true)]
    [InlineData("model-00001-of-00003.safetensors", true, true, false)]
    [InlineData("model.safetensors.index.json", true, true, true)]
    [InlineData("pytorch_model.bin", true, true, true)]
    [InlineData("pytorch_model-00001-of-00002.bin", true, true, false)]
    [InlineData("config.json", true, false, false)]
    [InlineData("README.md", true, false, false)]
    [InlineData("expocluster.json", true, false, false)]
    [InlineData("adapter_config.json", true, false, false)]
    [InlineData("training_args.bin", false, false, false)]
    [InlineData("photo.jpg", false, false, false)]
    [InlineData(".gitattributes", false, false, false)]
    public void Files_of_a_model_are_told_from_others(string name, bool isCheckpointFile, bool isWeights, bool isEntryPoint) => Assert.Equal(
        (isCheckpointFile, isWeights, isEntryPoint),
        (SideFileSelection.IsCheckpointFile(name), SideFileSelection.IsWeights(name), SideFileSelection.IsEntryPoint(name)));
}

public sealed class ConfigJsonTests
{
    [Theory]
    [InlineData("""{"a": 1,  "torch_dtype": "float16" , "b": 2}""", """{"a": 1,  "torch_dtype": "bfloat16" , "b": 2}""")]
    [InlineData("""{"dtype":"float32"}""", """{"dtype":"bfloat16"}""")]
    [InlineData("""{"dtype":"float32","torch_dtype":"float32"}""", """{"dtype":"bfloat16","torch_dtype":"bfloat16"}""")]
    [InlineData("""{"torch_dtype": null}""", """{"torch_dtype": "bfloat16"}""")]
    [InlineData("""{"text_config": {"torch_dtype": "float32"}, "x": ["dtype"]}""", """{"text_config": {"torch_dtype": "bfloat16"}, "x": ["dtype"]}""")]
    [InlineData("{ }\n", "{ }\n")]
    [InlineData("{\"name\": \"\u00e4\", \"dtype\": \"float16\"}", "{\"name\": \"\u00e4\", \"dtype\": \"bfloat16\"}")]
    public void Only_the_dtype_changes(string before, string after) =>
        Assert.Equal(after, Encoding.UTF8.GetString(ConfigJson.Of(Encoding.UTF8.GetBytes(before), new OutputFacts(WrittenDtypes.Only(Dtype.BF16))).Content));

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"a\":")]
    public void What_is_no_object_is_refused(string config) =>
        Assert.Equal("EXPO1133", Assert.Throws<CheckpointException>(() => ConfigJson.Of(Encoding.UTF8.GetBytes(config), new OutputFacts(WrittenDtypes.Only(Dtype.F32))).Content).Code);

    [Theory]
    [InlineData("""{"\ud800": 1, "dtype": "float16"}""")]
    [InlineData("""{"dtype": "float16", "\udc00x": 1}""")]
    public void Half_a_surrogate_pair_in_a_configuration_is_refused_like_other_damage(string config) =>
        Assert.Equal("EXPO1133", Assert.Throws<CheckpointException>(() => ConfigJson.Of(Encoding.UTF8.GetBytes(config), new OutputFacts(WrittenDtypes.Only(Dtype.BF16))).Content).Code);

    [Theory]
    [InlineData("""{"\u0064type": "float16"}""", """{"\u0064type": "float32"}""")]
    [InlineData("""{"dtype": {"dtype": "float16"}, "torch_dtype": "float16"}""", """{"dtype": {"dtype": "float32"}, "torch_dtype": "float32"}""")]
    [InlineData("{\r\n\t\"dtype\" :\"bfloat16\"}\r\n\r\n", "{\r\n\t\"dtype\" :\"float32\"}\r\n\r\n")]
    public void A_key_counts_by_what_it_means_and_all_other_bytes_stay(string before, string after) =>
        Assert.Equal(after, Encoding.UTF8.GetString(ConfigJson.Of(Encoding.UTF8.GetBytes(before), new OutputFacts(WrittenDtypes.Only(Dtype.F32))).Content));

    [Theory]
    [InlineData("{} {}")]
    [InlineData("{\"a\": 1,}")]
    [InlineData("{/* x */}")]
    [InlineData("null")]
    public void A_configuration_that_Python_would_not_read_is_refused(string config) =>
        Assert.Equal("EXPO1133", Assert.Throws<CheckpointException>(() => ConfigJson.Of(Encoding.UTF8.GetBytes(config), new OutputFacts(WrittenDtypes.Only(Dtype.BF16))).Content).Code);
}

public sealed class WeightIndexTests
{
    [Fact]
    public void It_is_what_Python_writes()
    {
        byte[] index = WeightIndex.Encode(12, [KeyValuePair.Create("b\u00e9\"", "two"), KeyValuePair.Create("a.10", "one"), KeyValuePair.Create("a.2", "one")]);

        // json.dumps({"metadata": {"total_size": 12}, "weight_map": {…}}, indent=2, sort_keys=True) + "\n"
        Assert.Equal(
            "{\n  \"metadata\": {\n    \"total_size\": 12\n  },\n  \"weight_map\": {\n    \"a.10\": \"one\",\n    \"a.2\": \"one\",\n    \"b\\u00e9\\\"\": \"two\"\n  }\n}\n",
            Encoding.UTF8.GetString(index));
    }

    [Fact]
    public void Names_beyond_ASCII_are_escaped_and_sorted_by_code_point_as_Python_does()
    {
        byte[] index = WeightIndex.Encode(7, new[] { "z", "\uffff", "\U0001F600", "\u00e9", "a\u007f\u0001\t" }.Select(name => KeyValuePair.Create(name, "f")));

        // By UTF-16 units, U+1F600 would come before U+FFFF.
        Assert.Equal(
            "{\n  \"metadata\": {\n    \"total_size\": 7\n  },\n  \"weight_map\": {\n    \"a\\u007f\\u0001\\t\": \"f\",\n    \"z\": \"f\",\n    \"\\u00e9\": \"f\",\n    \"\\uffff\": \"f\",\n    \"\\ud83d\\ude00\": \"f\"\n  }\n}\n",
            Encoding.UTF8.GetString(index));
    }

    [Fact]
    public void Without_tensors_it_is_what_Python_writes_too() =>
        Assert.Equal("{\n  \"metadata\": {\n    \"total_size\": 0\n  },\n  \"weight_map\": {}\n}\n", Encoding.UTF8.GetString(WeightIndex.Encode(0, [])));
}

public sealed class ModelCardTests
{
    [Theory]
    [InlineData("hf:org/model", "org/model", "hf:org/model")]
    [InlineData("hf:org/model@v1.0", "org/model", "hf:org/model@v1.0")]
    [InlineData("/hub/models--berkeley-nest--Starling-LM-7B-alpha/snapshots/1dddf3b95bc1391f6307299eb1c162c194bde9bd/", "berkeley-nest/Starling-LM-7B-alpha", "hf:berkeley-nest/Starling-LM-7B-alpha@1dddf3b95bc1391f6307299eb1c162c194bde9bd")]
    [InlineData("/home/me/secret/sft/", "sft", "sft")]
    [InlineData("secret/org/model", "model", "model")]
    public void A_model_has_the_name_that_the_world_knows(string reference, string name, string publicReference) =>
        Assert.Equal(new ModelName(name, publicReference), ModelName.Of(reference));

    [Fact]
    public void The_recipe_in_it_is_the_one_that_was_run_but_for_the_output()
    {
        var recipe = new Recipe
        {
            Name = "it's: a #name", Base = "hf:a/b@c", Aligned = "/x/dpo", Alpha = 1e-7, OutputDtype = Dtype.F32,
            OnMismatch = MismatchPolicy.Drop, MaxShardBytes = 5_000_000_000, Output = "/secret/out",
        };

        string card = ModelCard.Render(new ModelCardFacts(recipe, "F32", "1.2.3"));

        string yaml = card.Split("```yaml\n")[1].Split("```")[0];
        Assert.Equal(recipe with { Aligned = "dpo", Output = null }, RecipeDraft.FromYaml(yaml, "card").Validate().Recipe);
        Assert.DoesNotContain("secret", card, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("alpha: [{match: '*.mlp.*', alpha: 0.5}, {match: 'it''s|', alpha: 0.25}]", "| alpha | 0.5 for \\*.mlp.\\*, 0.25 for it's\\| |")]
    [InlineData("alpha_by_depth: [0.1, 0.5]", "| alpha | 0.1, 0.5 by depth |")]
    public void Several_alphas_are_told_and_can_be_used_again(string line, string row)
    {
        Recipe recipe = RecipeDraft.FromYaml("base: a\naligned: b\n" + line, "r.yaml").Validate().Recipe!;

        string card = ModelCard.Render(new ModelCardFacts(recipe, "BF16", "1"));

        Assert.Contains(row + "\n", card, StringComparison.Ordinal);
        Assert.Equal(recipe, RecipeDraft.FromYaml(card.Split("```yaml\n")[1].Split("```")[0], "card").Validate().Recipe);
    }

    [Theory]
    [InlineData("/models/my: model", "- 'my: model'\n")]
    [InlineData("/models/null", "- 'null'\n")]
    [InlineData("/models/123", "- '123'\n")]
    [InlineData("/models/o'neil", "- 'o''neil'\n")]
    [InlineData("/models/sft-7b", "- sft-7b\n")]
    public void Its_front_matter_is_YAML_whatever_the_models_are_called(string aligned, string line) => Assert.Contains(
        line,
        ModelCard.Render(new ModelCardFacts(new Recipe { Base = "b", Aligned = aligned, Alpha = 1 }, "BF16", "1")),
        StringComparison.Ordinal);

    [Fact]
    public void Names_do_not_become_markup() => Assert.Contains(
        "| aligned | a\\|b\\<i\\> |",
        ModelCard.Render(new ModelCardFacts(new Recipe { Base = "b", Aligned = "a|b<i>", Alpha = 1 }, "BF16", "1")),
        StringComparison.Ordinal);

    [Fact]
    public void Its_beginning_is_what_the_Hub_reads() => Assert.StartsWith(
        """
        ---
        base_model:
        - snorkelai/Snorkel-Mistral-PairRM-DPO
        - mistralai/Mistral-7B-Instruct-v0.2
        base_model_relation: merge
        library_name: transformers
        tags:
        - expo
        - merge
        - expocluster
        ---

        # snorkel-mistral-pairrm-expo

        """.ReplaceLineEndings("\n"),
        ModelCard.Render(new ModelCardFacts(
            new Recipe
            {
                Name = "snorkel-mistral-pairrm-expo", Base = "hf:mistralai/Mistral-7B-Instruct-v0.2",
                Aligned = "hf:snorkelai/Snorkel-Mistral-PairRM-DPO", Alpha = 0.3,
            },
            "BF16",
            "1.2.3")),
        StringComparison.Ordinal);

    [Fact]
    public void It_names_both_models_and_how_to_make_it_again_but_no_local_path()
    {
        var recipe = new Recipe { Base = "/home/me/secret/mistral-sft", Aligned = "hf:org/model@main", Alpha = 0.3 };

        string card = ModelCard.Render(new ModelCardFacts(recipe, "BF16", "1.2.3"));

        Assert.StartsWith("---\nbase_model:\n- org/model\n- mistral-sft\nbase_model_relation: merge\nlibrary_name: transformers\n", card, StringComparison.Ordinal);
        Assert.Contains("| alpha | 0.3 |", card, StringComparison.Ordinal);
        Assert.Contains("ExpoCluster 1.2.3", card, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", card, StringComparison.Ordinal);
        Assert.DoesNotContain("\r", card, StringComparison.Ordinal);
    }
}
