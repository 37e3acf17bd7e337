using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class NamePatternTests
{
    [Theory]
    [InlineData("model.layers.31.mlp.up_proj.weight", "model.layers.*.mlp.up_proj.weight")]
    [InlineData("layers.0.experts.12.w1", "layers.*.experts.*.w1")]
    [InlineData("7", "*")]
    [InlineData("h2.w", "h2.w")]
    [InlineData("a..1.", "a..*.")]
    public void Numbers_between_dots_become_stars(string name, string pattern) => Assert.Equal(pattern, TensorNames.PatternOf(name));

    [Theory]
    [InlineData("model.layers.*.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight", "model.layers.11.mlp.up_proj.weight")]
    [InlineData("model.*", "model.layers.0.mlp.weight", "model.norm.bias")]
    [InlineData("model.*.weight", "model.layers.0.mlp.weight", "model.norm.weight")]
    [InlineData("*.weight", "model.norm.weight", "lm_head.weight")]
    [InlineData("*", "a", "b")]
    [InlineData("a.b*", "a.b", "a.b.c")]
    [InlineData("a.*.b", "a.x.b", "a.y.x.b")]
    [InlineData("only.0.one", "only.0.one")]
    [InlineData("a?b", "a\\b")]
    public void Several_names_have_one_glob_that_matches_all(string pattern, params string[] names)
    {
        Assert.Equal(pattern, NamePattern.Covering(names));
        Assert.All(names, name => Assert.True(Glob.Matches(pattern, name)));
    }

    [Fact]
    public void Whatever_the_names_are_the_glob_matches_them()
    {
        var random = new Random(7);
        string[] segments = ["a", "b", "0", "12", "", "w*", "x?", "\\"];
        for (int round = 0; round < 2000; round++)
        {
            string[] names =
            [
                .. Enumerable.Range(0, random.Next(1, 5))
                    .Select(_ => string.Join('.', Enumerable.Range(0, random.Next(1, 5)).Select(_ => segments[random.Next(segments.Length)])))
                    .Where(name => name.Length > 0).DefaultIfEmpty("a"),
            ];

            string pattern = NamePattern.Covering(names);

            Assert.All(names, name => Assert.True(Glob.Matches(pattern, name), $"'{pattern}' does not match '{name}'"));
        }
    }

    [Fact]
    public void A_summary_counts_the_patterns_and_names_the_most_frequent_first()
    {
        (string, string)[] entries =
        [
            ("norm.weight", "[4] and [5]"),
            .. Enumerable.Range(0, 9).Select(layer => ($"h.{layer}.q.weight", "[2, 2] and [3, 3]")),
            .. Enumerable.Range(0, 3).Select(layer => ($"h.{layer}.k.weight", $"[{layer}] and [9]")),
        ];

        Assert.Equal(
            "h.*.q.weight (9: [2, 2] and [3, 3]), h.*.k.weight (3: [0] and [9] and others), norm.weight ([4] and [5])",
            NamePattern.Summary(entries));
    }

    [Fact]
    public void Few_names_stand_as_they_are_and_many_patterns_are_cut()
    {
        Assert.Equal("h.0.q, h.1.q", NamePattern.Summary([("h.0.q", ""), ("h.1.q", "")]));
        Assert.Equal("a, b, c, d, e and 3 more", NamePattern.Summary([.. "abcdefgh".Select(letter => (letter.ToString(), ""))]));
        Assert.DoesNotContain('\u001b', NamePattern.Summary([("\u001b[2Ja", "x")]));
    }
}
