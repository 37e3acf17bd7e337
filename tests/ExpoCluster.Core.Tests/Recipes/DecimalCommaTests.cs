using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Recipes;

/// <summary>Half of the world writes 0.3 as 0,3, which a list of numbers would take for two.</summary>
public sealed class DecimalCommaTests
{
    [Theory]
    [InlineData("0,3", "0.3", "0,3,")]
    [InlineData("0,25", "0.25", "0,25,")]
    [InlineData("1,5", "1.5", "1,5,")]
    [InlineData("-0,5", "-0.5", "-0,5,")]
    [InlineData(" 0,3 ", "0.3", "0,3,")]
    public void A_decimal_comma_is_refused_and_both_ways_to_mean_it_are_told(string text, string one, string several)
    {
        RecipeProblem problem = Assert.Single(Draft(text).Problems);

        Assert.Equal(("EXPO2035", "--alpha"), (problem.Code, problem.Path));
        Assert.Contains($"a point, {one};", problem.Advice, StringComparison.Ordinal);
        Assert.EndsWith($"a comma, {several}", problem.Advice, StringComparison.Ordinal);
        Assert.NotNull(Draft(one).Recipe!.Alpha.Single);
        Assert.Equal(2, Draft(several).Recipe!.Sweep.Length);
    }

    [Theory]
    [InlineData("0,3,", new double[] { 0, 3 })]
    [InlineData("0, 3", new double[] { 0, 3 })]
    [InlineData("0.0,3.0", new double[] { 0, 3 })]
    [InlineData("0,-1", new double[] { 0, -1 })]
    [InlineData("0,0.3", new[] { 0, 0.3 })]
    [InlineData("0,1,2", new double[] { 0, 1, 2 })]
    [InlineData("0.1,0.5,", new[] { 0.1, 0.5 })]
    public void What_cannot_be_one_number_is_a_sweep(string text, double[] sweep) => Assert.Equal(sweep, Draft(text).Recipe!.Sweep.AsEnumerable());

    [Theory]
    [InlineData("alpha: 0,3")]
    [InlineData("alpha: \"0,3\"")]
    [InlineData("alpha:\n- {match: '*', alpha: '0,3'}")]
    [InlineData("alpha_by_depth: ['0,3']")]
    [InlineData("sweep: ['0,3', '0.5']")]
    public void In_a_recipe_file_it_is_refused_as_well(string line) =>
        Assert.Equal("EXPO2035", Assert.Single(RecipeDraft.FromYaml("base: a\naligned: b\n" + line, "r.yaml").Validate().Problems).Code);

    [Fact]
    public void Where_a_sweep_is_asked_for_by_its_name_it_is_one() =>
        Assert.Equal([0, 3], RecipeDraft.FromYaml("base: a\naligned: b\nsweep: 0,3", "r.yaml").Validate().Recipe!.Sweep.AsEnumerable());

    private static RecipeValidation Draft(string alpha) => RecipeDraft.FromOptions(@base: "a", aligned: "b", alpha: alpha).Validate();
}
