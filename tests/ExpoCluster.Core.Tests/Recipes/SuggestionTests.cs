using ExpoCluster.Core.Recipes.Spelling;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class SuggestionTests
{
    [Theory]
    [InlineData("", "", 0)]
    [InlineData("", "out", 3)]
    [InlineData("alpha", "alpha", 0)]
    [InlineData("alhpa", "alpha", 2)]
    [InlineData("numeric", "numerics", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("flaw", "lawn", 2)]
    public void The_distance_counts_insertions_deletions_and_substitutions(string one, string other, int edits)
    {
        Assert.Equal(edits, Suggestion.Distance(one, other));
        Assert.Equal(edits, Suggestion.Distance(other, one));
    }

    [Theory]
    [InlineData("ALPHA", "alpha")]
    [InlineData("alhpa", "alpha")]
    [InlineData("max-shard-size", "max_shard_size")]
    [InlineData("mxshrdsize", null)]
    [InlineData("ouf", "out")]
    [InlineData("oxx", null)]
    [InlineData("temperature", null)]
    [InlineData("", null)]
    public void Only_a_near_word_is_suggested(string word, string? near) =>
        Assert.Equal(near, Suggestion.For(word, ["alpha", "out", "max_shard_size"]));

    [Fact]
    public void The_nearest_of_several_is_suggested() => Assert.Equal("base", Suggestion.For("bas", ["case", "base"]));
}
