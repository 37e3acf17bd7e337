using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class SweepRecipeTests
{
    [Theory]
    [InlineData("sweep: [0.1, 0.3, -1]")]
    [InlineData("sweep: 0.1, 0.3, -1")]
    [InlineData("alpha: [0.1, 0.3, -1]")]
    [InlineData("alpha: 0.1,0.3,-1")]
    public void Several_numbers_are_a_sweep(string line)
    {
        Recipe recipe = Read(line).Recipe!;

        Assert.Equal([0.1, 0.3, -1], recipe.Sweep.AsEnumerable());
        Assert.Equal(-1, recipe.OfVariant(2).Alpha.Single);
        Assert.True(recipe.OfVariant(2).Sweep.IsEmpty);
    }

    [Fact]
    public void The_command_line_s_alphas_take_the_place_of_the_file_s_whatever_form_those_have()
    {
        RecipeDraft file = RecipeDraft.FromYaml("base: a\naligned: b\nsweep: [1, 2]", "r.yaml");

        Recipe several = file.OverriddenBy(RecipeDraft.FromOptions(alpha: "0.1,0.3")).Validate().Recipe!;
        Recipe one = file.OverriddenBy(RecipeDraft.FromOptions(alpha: "0.5")).Validate().Recipe!;

        Assert.Equal([0.1, 0.3], several.Sweep.AsEnumerable());
        Assert.True(one.Sweep.IsEmpty);
        Assert.Equal(0.5, one.Alpha.Single);
    }

    [Theory]
    [InlineData("sweep: [0.1]")]
    [InlineData("sweep: [0.1, 25, -0.5]")]
    [InlineData("alpha: 0.3\nnumerics: stochastic\nseed: -7")]
    [InlineData("sweep: [1, 2]\nnumerics: stochastic")]
    public void A_recipe_survives_its_canonical_form(string lines)
    {
        Recipe recipe = Read(lines).Recipe!;

        Recipe back = Recipe.FromCanonicalJson(recipe.ToCanonicalJson());

        Assert.Equal(recipe.Sweep.AsEnumerable(), back.Sweep.AsEnumerable());
        Assert.Equal((recipe.Alpha, recipe.Numerics, recipe.Seed), (back.Alpha, back.Numerics, back.Seed));
        Assert.Equal(recipe.ToCanonicalJson(), back.ToCanonicalJson());
    }

    [Theory]
    [InlineData("EXPO2018", "sweep (line 4)", "alpha: 1\nsweep: [0.1, 0.2]")]
    [InlineData("EXPO2018", "sweep (line 4)", "alpha_by_depth: [1, 2]\nsweep: [0.1, 0.2]")]
    [InlineData("EXPO2020", "sweep (line 3)", "sweep: []")]
    [InlineData("EXPO2004", "sweep (line 3)", "sweep: [0.1, x]")]
    [InlineData("EXPO2004", "alpha (line 3)", "alpha: 0.1,")]
    [InlineData("EXPO2030", "sweep (line 3)", "sweep: [0.1, 0.10]")]
    [InlineData("EXPO2032", "seed (line 5)", "alpha: 1\nnumerics: stochastic\nseed: 1.5")]
    [InlineData("EXPO2033", "seed (line 4)", "alpha: 1\nseed: 1")]
    [InlineData("EXPO2034", "dtype (line 5)", "alpha: 1\nnumerics: stochastic\ndtype: f16")]
    public void What_is_wrong_is_one_problem_with_its_place(string code, string path, string lines)
    {
        RecipeProblem problem = Assert.Single(Read(lines).Problems);

        Assert.Equal((code, path), (problem.Code, problem.Path));
    }

    [Fact]
    public void A_hundred_alphas_are_enough()
    {
        string many = string.Join(", ", Enumerable.Range(0, 101));

        Assert.Equal("EXPO2031", Assert.Single(Read($"sweep: [{many}]").Problems).Code);
    }

    [Fact]
    public void Stochastic_numerics_have_a_seed_of_zero_unless_told()
    {
        Recipe recipe = Read("alpha: 1\nnumerics: stochastic").Recipe!;

        Assert.Equal((Numerics.Stochastic, 0), (recipe.Numerics, recipe.Seed));
    }

    private static RecipeValidation Read(string lines) => RecipeDraft.FromYaml("base: a\naligned: b\n" + lines, "r.yaml").Validate();
}
