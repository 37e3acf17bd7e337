using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class MismatchRuleTests
{
    private const string Needed = "base: a\naligned: b\nalpha: 1\n";

    [Theory]
    [InlineData("error", MismatchPolicy.Error)]
    [InlineData("copy-aligned", MismatchPolicy.CopyAligned)]
    [InlineData("copy_aligned", MismatchPolicy.CopyAligned)]
    [InlineData("drop", MismatchPolicy.Drop)]
    [InlineData("extrapolate-common-rows", MismatchPolicy.ExtrapolateCommonRows)]
    [InlineData("extrapolate_common_rows", MismatchPolicy.ExtrapolateCommonRows)]
    [InlineData("untie", MismatchPolicy.Untie)]
    public void A_word_holds_for_all_tensors_in_a_file_and_as_an_option(string word, MismatchPolicy policy)
    {
        Assert.Equal(policy, Read("on_mismatch: " + word).Of("any"));
        Assert.Equal(policy, RecipeDraft.FromOptions(@base: "a", aligned: "b", alpha: "1", onMismatch: word).Validate().Recipe!.OnMismatch.Of("any"));
    }

    [Theory]
    [InlineData("lm_head.weight", MismatchPolicy.Untie)]
    [InlineData("model.embed_tokens.weight", MismatchPolicy.ExtrapolateCommonRows)]
    [InlineData("model.norm.weight", MismatchPolicy.Error)]
    public void Of_several_patterns_the_first_that_matches_counts_and_without_any_it_is_an_error(string tensor, MismatchPolicy policy) => Assert.Equal(
        policy,
        Read("on_mismatch:\n- {match: 'lm_head.*', policy: untie}\n- {match: '*embed*', policy: extrapolate-common-rows}\n- {match: 'lm*', policy: drop}").Of(tensor));

    [Theory]
    [InlineData("EXPO2006", "on_mismatch: [{match: '*', policy: ignore}]")]
    [InlineData("EXPO2019", "on_mismatch: [drop]")]
    [InlineData("EXPO2019", "on_mismatch: [{match: '*', alpha: 1}]")]
    [InlineData("EXPO2020", "on_mismatch: []")]
    [InlineData("EXPO2009", "on_mismatch: {match: '*', policy: drop}")]
    public void What_cannot_be_understood_is_one_problem(string code, string line)
    {
        RecipeProblem problem = Assert.Single(RecipeDraft.FromYaml(Needed + line, "r.yaml").Validate().Problems);

        Assert.Equal((code, "on_mismatch (line 4)"), (problem.Code, problem.Path));
    }

    [Fact]
    public void The_canonical_form_comes_back()
    {
        Recipe recipe = RecipeDraft.FromYaml(Needed + "on_mismatch: [{match: '*embed*', policy: extrapolate_common_rows}, {match: '*', policy: error}]", "r.yaml")
            .Validate().Recipe!;

        Assert.Contains(
            """on_mismatch":[{"match":"*embed*","policy":"extrapolate-common-rows"},{"match":"*","policy":"error"}],""",
            recipe.ToCanonicalJson(),
            StringComparison.Ordinal);
        Assert.Equal(recipe, Recipe.FromCanonicalJson(recipe.ToCanonicalJson()));
    }

    private static MismatchRule Read(string line) => RecipeDraft.FromYaml(Needed + line, "r.yaml").Validate().Recipe!.OnMismatch;
}
