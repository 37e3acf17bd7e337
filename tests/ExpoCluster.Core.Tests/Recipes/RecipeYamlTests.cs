using System.Collections.Immutable;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class RecipeYamlTests
{
    private const string Needed = "base: a\naligned: b\nalpha: 1\n";

    [Theory]
    [InlineData("base (line 1)", "&x base: a\naligned: b\nalpha: 1")]
    [InlineData("r.yaml (line 1)", "&x\nbase: a\naligned: b\nalpha: 1")]
    public void An_anchor_is_refused_wherever_it_stands(string path, string yaml)
    {
        RecipeProblem problem = Assert.Single(Problems(yaml));

        Assert.Equal(("EXPO2014", path), (problem.Code, problem.Path));
    }

    [Theory]
    [InlineData(32, "EXPO2002")]
    [InlineData(33, "EXPO2011")]
    public void Nesting_ends_at_32_levels(int depth, string code) =>
        Assert.Equal(code, Problems($"{Needed}x: {new string('[', depth)}{new string(']', depth)}")[^1].Code);

    [Theory]
    [InlineData(1_048_576, null)]
    [InlineData(1_048_577, "EXPO2013")]
    public void A_file_has_at_most_a_mebi_of_characters(int length, string? code) =>
        Assert.Equal(code, Problems(Needed + new string('#', length - Needed.Length)).SingleOrDefault()?.Code);

    [Theory]
    [InlineData("f16")]
    [InlineData("f32")]
    [InlineData("float16")]
    [InlineData("float32")]
    public void Official_numerics_write_nothing_but_BF16(string dtype) =>
        Assert.Equal("EXPO2007", Assert.Single(Problems($"{Needed}numerics: official\ndtype: {dtype}")).Code);

    [Theory]
    [InlineData("", null)]
    [InlineData("dtype: aligned", null)]
    [InlineData("dtype: bf16", Dtype.BF16)]
    [InlineData("dtype: bfloat16", Dtype.BF16)]
    public void Official_numerics_go_with_BF16(string line, Dtype? dtype)
    {
        Recipe recipe = RecipeDraft.FromYaml($"{Needed}numerics: official\n{line}", "r.yaml").Validate().Recipe!;

        Assert.Equal((Numerics.Official, dtype), (recipe.Numerics, recipe.OutputDtype));
    }

    [Theory]
    [InlineData("merge_method: x")]
    [InlineData("base_model: x")]
    [InlineData("models: []")]
    [InlineData("slices: []")]
    [InlineData("parameters: {}")]
    [InlineData("out_dtype: x")]
    [InlineData("tokenizer_source: x")]
    [InlineData("tokenizer: {}")]
    [InlineData("chat_template: x")]
    [InlineData("modules: {}")]
    public void Each_key_of_a_mergekit_configuration_is_known_as_such(string line) =>
        Assert.Equal("EXPO2010", Assert.Single(Problems(Needed + line)).Code);

    [Fact]
    public void A_second_document_is_refused() =>
        Assert.Equal("EXPO2012", Assert.Single(Problems($"{Needed}---\n{Needed}")).Code);

    private static ImmutableArray<RecipeProblem> Problems(string yaml) => RecipeDraft.FromYaml(yaml, "r.yaml").Validate().Problems;
}
