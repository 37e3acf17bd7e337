using System.Text.Json;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class TensorRenameTests
{
    private const string Needed = "base: sft\naligned: dpo\nalpha: 0.3\n";

    [Theory]
    [InlineData("model.", "model.language_model.", "model.norm.weight", "model.language_model.norm.weight")]
    [InlineData("model.", "", "model.norm.weight", "norm.weight")]
    [InlineData("", "model.", "norm.weight", "model.norm.weight")]
    [InlineData("model.", "x.", "amodel.norm", null)]
    [InlineData("*.attention.*", "*.attn.*", "h.0.attention.q.weight", "h.0.attn.q.weight")]
    [InlineData("h.*.a.*", "h.*.b.*", "h.0.a.a.w", "h.0.b.a.w")]
    [InlineData("*.a", "*.b", "x.a.a", "x.a.b")]
    [InlineData("*.a", "*.b", "x.a.c", null)]
    [InlineData("*", "m.*", "x", "m.x")]
    [InlineData("l?.w", "layer?.w", "l7.w", "layer7.w")]
    [InlineData("l?.*", "m?.*", "l12.w", null)]
    [InlineData("a\\*.*", "b.*", "a*.w", "b.w")]
    [InlineData("a\\*.*", "b.*", "ax.w", null)]
    [InlineData("*a*b*", "*1*2*", "xaybzb", "x1y2zb")]
    public void A_rule_renames_what_it_matches(string from, string to, string name, string? renamed) =>
        Assert.Equal(renamed, new TensorRename(from, to, RenamedSide.Base).Apply(name));

    [Fact]
    public void A_glob_renames_exactly_the_names_that_it_matches()
    {
        var random = new Random(11);
        for (int round = 0; round < 20_000; round++)
        {
            string pattern = Text(random, "ab.*?", 6);
            string name = Text(random, "ab.", 8);
            if (pattern.IndexOfAny(['*', '?']) < 0)
            {
                continue;
            }

            string? same = new TensorRename(pattern, pattern, RenamedSide.Base).Apply(name);

            Assert.Equal(Glob.Matches(pattern, name) ? name : null, same);
        }
    }

    [Fact]
    public void It_is_read_from_yaml_json_and_its_canonical_form_alike()
    {
        Recipe recipe = RecipeDraft.FromYaml(Needed + "rename:\n- {from: 'model.', to: '', in: base}\n- {from: '*.a.*', to: '*.b.*', in: aligned}\n", "r.yaml").Validate().Recipe!;

        Assert.Equal([new TensorRename("model.", "", RenamedSide.Base), new TensorRename("*.a.*", "*.b.*", RenamedSide.Aligned)], recipe.Renames.AsEnumerable());
        string canonical = recipe.ToCanonicalJson();
        Assert.Contains(
            """on_mismatch":"error","rename":[{"from":"model.","to":"","in":"base"},{"from":"*.a.*","to":"*.b.*","in":"aligned"}],"max_shard_size""",
            canonical,
            StringComparison.Ordinal);
        Assert.Equal(canonical, Recipe.FromCanonicalJson(canonical).ToCanonicalJson());
        using JsonDocument request = JsonDocument.Parse(canonical);
        Assert.Equal(canonical, RecipeDraft.FromRequest(request.RootElement).Validate().Recipe!.ToCanonicalJson());
    }

    [Fact]
    public void A_recipe_without_it_has_the_canonical_form_of_before() =>
        Assert.DoesNotContain("rename", RecipeDraft.FromYaml(Needed, "r.yaml").Validate().Recipe!.ToCanonicalJson(), StringComparison.Ordinal);

    [Theory]
    [InlineData("EXPO2019", "rename: model.")]
    [InlineData("EXPO2019", "rename: [model.]")]
    [InlineData("EXPO2019", "rename: [{from: 'a.', to: 'b.'}]")]
    [InlineData("EXPO2019", "rename: [{from: 'a.', in: base}]")]
    [InlineData("EXPO2019", "rename: [{from: 'a.', to: 'b.', in: base, match: '*'}]")]
    [InlineData("EXPO2019", "rename: [{from: 'a.', from: 'c.', to: 'b.', in: base}]")]
    [InlineData("EXPO2006", "rename: [{from: 'a.', to: 'b.', in: both}]")]
    [InlineData("EXPO2016", "rename: [{from: \"a\\x01\", to: 'b.', in: base}]")]
    [InlineData("EXPO2020", "rename: []")]
    [InlineData("EXPO2009", "rename: {from: 'a.', to: 'b.', in: base}")]
    [InlineData("EXPO2150", "rename: [{from: '*.a', to: 'b', in: base}]")]
    [InlineData("EXPO2150", "rename: [{from: 'a', to: 'b*', in: base}]")]
    [InlineData("EXPO2150", "rename: [{from: '*?', to: '?*', in: base}]")]
    [InlineData("EXPO2151", "rename: [{from: 'a.', to: 'a.', in: base}]")]
    public void What_cannot_be_meant_is_refused_at_its_place(string code, string line)
    {
        RecipeProblem problem = Assert.Single(RecipeDraft.FromYaml(Needed + line, "r.yaml").Validate().Problems);

        Assert.Equal((code, "rename (line 4)"), (problem.Code, problem.Path));
    }

    private static string Text(Random random, string letters, int most) =>
        new([.. Enumerable.Range(0, random.Next(1, most)).Select(_ => letters[random.Next(letters.Length)])]);
}
