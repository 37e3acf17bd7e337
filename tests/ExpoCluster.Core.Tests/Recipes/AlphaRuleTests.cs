using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class AlphaRuleTests
{
    private const string Pair = "base: a\naligned: b\n";

    private static readonly LayerDepths FiveLayers = new(
        ["model.embed_tokens.weight", .. Enumerable.Range(0, 5).Select(layer => $"model.layers.{layer}.mlp.up_proj.weight"), "lm_head.weight"]);

    [Theory]
    [InlineData("model.layers.3.mlp.up_proj.weight", 0.5)]
    [InlineData("model.layers.3.mlp.norm.weight", 0.1)]
    [InlineData("model.layers.3.self_attn.q_proj.weight", 0.3)]
    [InlineData("lm_head.weight", 0.3)]
    public void Of_several_patterns_that_match_the_first_counts(string tensor, double alpha)
    {
        AlphaRule rule = Rule("alpha:\n- {match: '*norm*', alpha: 0.1}\n- {match: '*.mlp.*', alpha: 0.5}\n- match: '*'\n  alpha: 0.3");

        Assert.Equal(alpha, rule.Of(tensor, FiveLayers));
        Assert.Null(rule.Single);
    }

    [Theory]
    [InlineData("layers.?.w", "layers.1.w", true)]
    [InlineData("layers.?.w", "layers.10.w", false)]
    [InlineData("layers.*.w", "layers.10.w", true)]
    [InlineData("layers.1", "layers.1.w", false)]
    [InlineData("Layers.*", "layers.1.w", false)]
    [InlineData("a\\*b", "a*b", true)]
    [InlineData("a\\*b", "a-b", false)]
    public void A_pattern_matches_whole_names_with_case(string pattern, string tensor, bool matches) =>
        Assert.Equal(matches, new TensorPattern<int>(pattern, 0).Matches(tensor));

    [Fact]
    public void A_list_says_nothing_about_what_none_of_its_entries_matches() =>
        Assert.Null(Rule("alpha: [{match: '*.mlp.*', alpha: 0.5}]").Of("lm_head.weight", FiveLayers));

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(1, 0.3)]
    [InlineData(2, 0.5)]
    [InlineData(3, 0.25)]
    [InlineData(4, 0.0)]
    public void By_depth_the_numbers_are_spread_over_the_layers_with_straight_lines_between(int layer, double alpha) =>
        Assert.Equal(alpha, Rule("alpha_by_depth: [0.1, 0.5, 0.0]").Of($"model.layers.{layer}.mlp.up_proj.weight", FiveLayers)!.Value, 1e-15);

    [Theory]
    [InlineData("model.embed_tokens.weight")]
    [InlineData("model.norm.weight")]
    [InlineData("lm_head.weight")]
    public void By_depth_what_is_in_no_layer_takes_the_first_number(string tensor) =>
        Assert.Equal(0.1, Rule("alpha_by_depth: [0.1, 0.5]").Of(tensor, FiveLayers));

    [Fact]
    public void A_single_number_by_depth_is_that_of_all_layers() =>
        Assert.Equal(0.1, Rule("alpha_by_depth: [0.1]").Of("model.layers.4.mlp.up_proj.weight", FiveLayers));

    [Theory]
    [InlineData("layers.{0}.w")]
    [InlineData("transformer.h.{0}.attn.w")]
    [InlineData("h.{0}.attn.w")]
    [InlineData("backbone.blocks.{0}.w")]
    [InlineData("model.layers.{0}.block_sparse_moe.experts.7.w1.weight")]
    public void The_layer_is_the_first_number_behind_a_word_for_layers(string name)
    {
        string[] names = [.. Enumerable.Range(0, 11).Select(layer => string.Format(System.Globalization.CultureInfo.InvariantCulture, name, layer))];

        Assert.Equal(0.3, new LayerDepths(names).Of(names[3]));
    }

    [Fact]
    public void Each_stack_of_layers_is_measured_by_itself()
    {
        var depths = new LayerDepths(["vision.layers.0.w", "vision.layers.4.w", "text.layers.0.w", "text.layers.40.w"]);

        Assert.Equal((1, 0.1), (depths.Of("vision.layers.4.w"), depths.Of("text.layers.4.w")));
    }

    [Fact]
    public void A_model_of_one_layer_is_all_beginning() => Assert.Equal(0, new LayerDepths(["layers.0.w"]).Of("layers.0.w"));

    [Theory]
    [InlineData("EXPO2004", "alpha (line 3)", "alpha: [{match: '*', alpha: much}]")]
    [InlineData("EXPO2004", "alpha_by_depth (line 3)", "alpha_by_depth: [0.1, .nan]")]
    [InlineData("EXPO2014", "alpha (line 3)", "alpha: [{match: '*', alpha: &x 1}]")]
    [InlineData("EXPO2014", "alpha (line 3)", "alpha: [*x]")]
    [InlineData("EXPO2014", "alpha (line 3)", "alpha: [{match: *x, alpha: 1}]")]
    [InlineData("EXPO2014", "alpha (line 3)", "alpha: [&x {match: '*', alpha: 1}]")]
    [InlineData("EXPO2014", "alpha (line 3)", "alpha: &x [{match: '*', alpha: 1}]")]
    [InlineData("EXPO2016", "alpha (line 4)", "alpha:\n- {match: \"a\\0\", alpha: 1}")]
    [InlineData("EXPO2018", "alpha_by_depth (line 4)", "alpha: 1\nalpha_by_depth: [0.1, 0.2]")]
    [InlineData("EXPO2019", "alpha (line 4)", "alpha:\n- {match: '*'}")]
    [InlineData("EXPO2019", "alpha (line 4)", "alpha:\n- {match: '', alpha: 1}")]
    [InlineData("EXPO2019", "alpha (line 5)", "alpha:\n- {match: 'a', alpha: 1}\n- {filter: '*', alpha: 1}")]
    [InlineData("EXPO2019", "alpha (line 4)", "alpha:\n- {match: '*', alpha: 1, beta: 2}")]
    [InlineData("EXPO2019", "alpha (line 4)", "alpha:\n- {match: ['*'], alpha: 1}")]
    [InlineData("EXPO2019", "alpha (line 4)", "alpha:\n- {match: '*', alpha: [1]}")]
    [InlineData("EXPO2019", "alpha (line 4)", "alpha:\n- [[x]]")]
    [InlineData("EXPO2019", "alpha_by_depth (line 3)", "alpha_by_depth: 0.3")]
    [InlineData("EXPO2019", "alpha_by_depth (line 4)", "alpha_by_depth:\n- {match: '*', alpha: 1}")]
    [InlineData("EXPO2020", "alpha (line 3)", "alpha: []")]
    [InlineData("EXPO2020", "alpha_by_depth (line 3)", "alpha_by_depth: []")]
    public void What_cannot_be_understood_is_one_problem_with_its_place(string code, string path, string yaml)
    {
        RecipeProblem problem = Assert.Single(RecipeDraft.FromYaml(Pair + yaml, "r.yaml").Validate().Problems);

        Assert.Equal((code, path), (problem.Code, problem.Path));
    }

    [Theory]
    [InlineData("alpha: [{match: '*.mlp.*', alpha: 0.1}]")]
    [InlineData("alpha_by_depth: [0.1, 0.2]")]
    [InlineData("alpha_by_depth: 7")]
    public void An_option_takes_the_place_of_any_rule(string line)
    {
        RecipeDraft draft = RecipeDraft.FromYaml(Pair + line, "r.yaml").OverriddenBy(RecipeDraft.FromOptions(alpha: "0.5"));

        Assert.Equal(0.5, draft.Validate().Recipe?.Alpha);
    }

    [Theory]
    [InlineData("alpha: [{match: '*.mlp.*', alpha: 0.5}, {alpha: -1e-7, match: 'é\"\\'}]", """[{"match":"*.mlp.*","alpha":0.5},{"match":"é\"\\","alpha":-1E-07}]""", "alpha")]
    [InlineData("alpha_by_depth: [0.1, 1, .5]", "[0.1,1,0.5]", "alpha_by_depth")]
    public void The_canonical_form_comes_back(string line, string json, string key)
    {
        Recipe recipe = RecipeDraft.FromYaml(Pair + line, "r.yaml").Validate().Recipe!;

        Assert.Contains($"\"{key}\":{json},\"numerics\"", recipe.ToCanonicalJson(), StringComparison.Ordinal);
        Assert.Equal(recipe, Recipe.FromCanonicalJson(recipe.ToCanonicalJson()));
        Assert.Equal(recipe.GetHashCode(), Recipe.FromCanonicalJson(recipe.ToCanonicalJson()).GetHashCode());
        Assert.NotEqual(recipe, recipe with { Alpha = 0.5 });
    }

    [Fact]
    public void Rules_are_told_in_words()
    {
        Assert.Equal("0.3", Rule("alpha: 0.3").ToString());
        Assert.Equal("0.5 for *.mlp.*, 0.3 for *", Rule("alpha: [{match: '*.mlp.*', alpha: 0.5}, {match: '*', alpha: 0.3}]").ToString());
        Assert.Equal("0.1, 0.5 by depth", Rule("alpha_by_depth: [0.1, 0.5]").ToString());
    }

    private static AlphaRule Rule(string line)
    {
        RecipeValidation validation = RecipeDraft.FromYaml(Pair + line, "r.yaml").Validate();
        Assert.Empty(validation.Problems);
        return validation.Recipe!.Alpha;
    }
}
