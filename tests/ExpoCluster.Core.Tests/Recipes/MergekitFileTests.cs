using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Recipes;

/// <summary>Files of mergekit's that are ExPO or a straight line between two models run; of others it is said what is missing.</summary>
public sealed class MergekitFileTests
{
    [Fact]
    public void Task_arithmetic_from_the_SFT_model_with_one_plus_alpha_is_ExPO()
    {
        Recipe recipe = Read("merge_method: task_arithmetic\nbase_model: /m/sft\nmodels:\n- model: /m/aligned\n  parameters: {weight: 1.3}\ndtype: float32\n");

        // base_model gives configuration and tokenizer, as mergekit has it: sft - 1.3 * (sft - aligned).
        Assert.Equal(("/m/sft", "/m/aligned", (AlphaRule)(-1.3), Dtype.F32), (recipe.Aligned, recipe.Base, recipe.Alpha, recipe.OutputDtype));
    }

    [Fact]
    public void Task_arithmetic_from_the_aligned_model_is_ExPO_as_it_stands()
    {
        Recipe recipe = Read("merge_method: task_arithmetic\nbase_model: /m/aligned\nmodels:\n- model: /m/aligned\n- model: /m/sft\n  parameters: {weight: -0.3}\ndtype: float32\nout_dtype: bfloat16\n");

        Assert.Equal(("/m/aligned", "/m/sft", (AlphaRule)0.3, Dtype.BF16), (recipe.Aligned, recipe.Base, recipe.Alpha, recipe.OutputDtype));
    }

    [Theory]
    [InlineData("parameters: {lambda: 0.5}", 1.0, -0.5)]
    [InlineData("parameters: {lambda: 0.5, normalize: true}", 3.0, -0.5)]
    [InlineData("parameters: {normalize: false, int8_mask: true}", 3.0, -3)]
    public void Lambda_and_normalize_are_in_the_alpha(string line, double weight, double alpha) => Assert.Equal(
        (AlphaRule)alpha,
        Read(FormattableString.Invariant($"merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- model: /b\n  parameters: {{weight: {weight}}}\n{line}\n")).Alpha);

    [Theory]
    [InlineData("0.6", "0.3", "", -0.3 / 0.8999999999999999)]
    [InlineData("1.3", "-0.3", "parameters: {normalize: false}", 0.3)]
    [InlineData("1.5", "-0.5", "", 0.5)]
    [InlineData("1", "1", "parameters: {normalize: 1.0}", -0.5)]
    public void Linear_with_two_models_is_a_straight_line(string first, string second, string line, double alpha)
    {
        Recipe recipe = Read($"merge_method: linear\nmodels:\n- {{model: /x, parameters: {{weight: {first}}}}}\n- {{model: /y, parameters: {{weight: {second}}}}}\n{line}\n");

        Assert.Equal(("/x", "/y"), (recipe.Aligned, recipe.Base));
        Assert.Equal(alpha, recipe.Alpha.Single!.Value, 12);
    }

    [Fact]
    public void Where_base_model_is_the_second_of_two_configuration_comes_from_there()
    {
        Recipe recipe = Read("merge_method: linear\nbase_model: /y\nmodels:\n- {model: /x, parameters: {weight: 1}}\n- {model: /y, parameters: {weight: 3}}\n");

        Assert.Equal(("/y", "/x", (AlphaRule)(-0.25)), (recipe.Aligned, recipe.Base, recipe.Alpha));
    }

    [Fact]
    public void A_gradient_goes_by_depth_and_filters_go_by_name()
    {
        Recipe gradient = Read("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- model: /b\n  parameters: {weight: [-0.1, -0.5]}\n");
        Recipe filters = Read("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- model: /b\n  parameters:\n    weight:\n    - {filter: mlp, value: -0.5}\n    - value: -0.3\n");

        Assert.Equal([0.1, 0.5], Assert.IsType<AlphaRule.ByDepth>(gradient.Alpha).Values.AsEnumerable());
        Assert.Equal(
            [("*mlp*", 0.5), ("*", 0.3)], Assert.IsType<AlphaRule.ByPattern>(filters.Alpha).Patterns.Entries.Select(entry => (entry.Match, entry.Value)));
    }

    [Theory]
    [InlineData("mistralai/Mistral-7B-v0.1", "hf:mistralai/Mistral-7B-v0.1")]
    [InlineData("org/name@main", "hf:org/name@main")]
    [InlineData("./here", "./here")]
    [InlineData("/abs/path", "/abs/path")]
    [InlineData("folder", "folder")]
    public void What_is_no_local_path_is_a_model_of_the_Hub(string model, string reference) => Assert.Equal(
        reference, Read($"merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- model: {model}\n  parameters: {{weight: 1}}\n").Base);

    [Theory]
    [InlineData("merge_method: ties\nbase_model: /a\nmodels:\n- {model: /b, parameters: {weight: 1}}\n", "ties is not of this version")]
    [InlineData("merge_method: slerp\nbase_model: /a\nmodels:\n- model: /a\n- model: /b\nparameters: {t: 0.4}\n", "slerp is not of this version")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b, parameters: {weight: 1}}\n- {model: /c, parameters: {weight: 1}}\n", "2 models beside base_model")]
    [InlineData("merge_method: linear\nmodels:\n- {model: /b, parameters: {weight: 1}}\n", "linear has 1 models")]
    [InlineData("merge_method: linear\nmodels:\n- {model: /b, parameters: {weight: 1}}\n- {model: /c, parameters: {weight: 1}}\nparameters: {normalize: false}\n", "do not add up to 1")]
    [InlineData("merge_method: linear\nmodels:\n- {model: /b, parameters: {weight: 1}}\n- {model: /c, parameters: {weight: -1}}\n", "do not add up to 1")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b, weight: 1}\n", "'weight' stands beside a model")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- model: /b\n", "no weight")]
    [InlineData("merge_method: task_arithmetic\nmodels:\n- {model: /b, parameters: {weight: 1}}\n", "base_model is missing")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b+/lora, parameters: {weight: 1}}\n", "adapter")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b, parameters: {weight: 1}}\ntokenizer_source: /b\n", "a tokenizer from /b")]
    [InlineData("merge_method: linear\nmodels:\n- {model: /b, parameters: {weight: 1}}\n- {model: /c, parameters: {weight: 2}}\ntokenizer_source: union\n", "base_model (union), which is missing")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b, parameters: {weight: 1}}\ntokenizer: {source: base, pad_to_multiple_of: 64}\n", "'pad_to_multiple_of' of tokenizer")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: {model: {path: /b}, lora: {path: /l}}, parameters: {weight: 1}}\n", "a model with 'lora'")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b, parameters: {weight: 1}}\nchat_template: chatml\n", "the chat template chatml would have to be put into the output")]
    [InlineData("merge_method: linear\nslices: []\n", "no list of slices")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nslices:\n- sources: [{model: /a, layer_range: [0, 2]}, {model: /b, layer_range: [1, 3], parameters: {weight: 1}}]\n", "not all the same layer_range")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nslices:\n- sources: [{model: /a, layer_range: [1, 2]}, {model: /b, layer_range: [1, 2], parameters: {weight: 1}}]\n", "begins with layer 1")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nslices:\n- sources: [{model: /b, layer_range: [0, 2], parameters: {weight: 1}}]\n- sources: [{model: /b, layer_range: [1, 3], parameters: {weight: 1}}]\n", "begins with layer 1")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nslices:\n- sources: [{model: /b, layer_range: [0, 2], parameters: {weight: 1}}]\n- sources: [{model: /b, layer_range: [2, 3], parameters: {weight: 2}}]\n", "not all have the same models and weights")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nslices:\n- sources: [{model: /b, layer_range: [0, 2]}]\n- sources: [{model: /b, layer_range: [2, 3]}]\nparameters: {weight: [1, 2]}\n", "a list over the layers of each slice")]
    [InlineData("merge_method: linear\nmodels: 3\n", "no list of models")]
    [InlineData("merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b, parameters: {weight: heavy}}\n", "a number is needed")]
    [InlineData("merge_method: linear\nbase: x\nmodels: []\n", "mixed with 'base'")]
    public void Of_any_other_file_one_problem_says_what_is_missing(string yaml, string why)
    {
        RecipeProblem problem = Assert.Single(RecipeDraft.FromYaml(yaml, "m.yml").Validate().Problems);

        Assert.Equal("EXPO2010", problem.Code);
        Assert.Contains(why, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("base_model: /a/\nmodels:\n- model: /a\n- model: /b/\n  parameters: {weight: 1.3}\n")]
    [InlineData("base_model: {model: {path: /a, revision: null}, lora: null}\nmodels:\n- model: {model: {path: /b}}\n  parameters: {weight: 1.3}\n")]
    [InlineData("base_model: /a\nmodels:\n- model: {model: /b}\n  parameters: {weight: 1.3}\ndtype: null\nparameters:\n")]
    public void A_model_may_be_written_in_several_ways(string lines)
    {
        Recipe recipe = Read("merge_method: task_arithmetic\n" + lines);

        Assert.Equal(("/a", "/b", (AlphaRule)(-1.3)), (recipe.Aligned, recipe.Base, recipe.Alpha));
        Assert.Empty(recipe.Notes);
        Assert.Equal(RecipeRequirements.None, recipe.Requires);
    }

    [Fact]
    public void What_mergekit_passes_over_is_noted()
    {
        Recipe recipe = Read(
            "merge_method: task_arithmetic\nbase_model: /a\nmodels:\n- {model: /b, note: mine, parameters: {weight: 1.3, density: 0.5}}\nparameters: {lamda: 2}\ndtype: torch.bfloat16\n");

        Assert.Equal(((AlphaRule)(-1.3), Dtype.BF16), (recipe.Alpha, recipe.OutputDtype));
        Assert.Equal(
            [
                "'note' stands beside a model, where it has no meaning; mergekit passes over it too",
                "the parameter 'density' has no meaning in task_arithmetic, and mergekit passes over it too",
                "the parameter 'lamda' has no meaning in task_arithmetic, and mergekit passes over it too; 'lambda' may be meant",
            ],
            recipe.Notes.AsEnumerable());
    }

    [Theory]
    [InlineData("models: [{model: /b, parameters: {weight: 1.3}}]\ntokenizer_source: base\n", "same-tokenizer")]
    [InlineData("models: [{model: /b, parameters: {weight: 1.3}}]\ntokenizer: {}\nchat_template: auto\n", "same-tokenizer, same-chat-template")]
    [InlineData("models: [{model: /b, parameters: {weight: 1.3}}]\ntokenizer: {source: union, tokens: {}}\n", "same-tokenizer")]
    [InlineData("slices:\n- sources: [{model: /a, layer_range: [0, 2]}, {model: /b, layer_range: [0, 2]}]\n  parameters: {weight: 1.3}\n", "layers=2")]
    [InlineData("slices:\n- sources: [{model: /b, layer_range: [0, 1]}]\n- sources: [{model: /b, layer_range: [1, 3]}]\nparameters: {weight: 1.3}\n", "layers=3")]
    public void What_holds_only_of_some_models_is_required_of_them(string lines, string required)
    {
        Recipe recipe = Read("merge_method: task_arithmetic\nbase_model: /a\n" + lines);

        Assert.Equal(("/a", "/b", (AlphaRule)(-1.3), required), (recipe.Aligned, recipe.Base, recipe.Alpha, recipe.Requires.ToString()));
        Assert.Equal(recipe.Requires, Recipe.FromCanonicalJson(recipe.ToCanonicalJson()).Requires);
    }

    private static Recipe Read(string yaml)
    {
        RecipeValidation validation = RecipeDraft.FromYaml(yaml, "m.yml").Validate();
        Assert.Empty(validation.Problems);
        return validation.Recipe!;
    }
}
