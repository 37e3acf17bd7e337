using System.IO.Enumeration;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Tests.Recipes;

public sealed class GlobTests
{
    private const string Letters = "ab*?\\";

    // Recipes that were written before must mean what they meant: the same tensors get the same alphas.
    [Fact]
    public void It_decides_as_the_matcher_of_the_framework_does()
    {
        string[] texts = [.. Enumerable.Range(0, 5).SelectMany(Texts)];

        foreach (string pattern in texts)
        {
            foreach (string name in texts)
            {
                Assert.True(
                    FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false) == Glob.Matches(pattern, name), $"'{pattern}' and '{name}'");
            }
        }
    }

    [Fact]
    public void It_decides_as_the_matcher_of_the_framework_does_for_longer_ones()
    {
        var random = new Random(1);
        string Text() => new([.. Enumerable.Range(0, random.Next(16)).Select(_ => "aabbc**?\\"[random.Next(9)])]);

        for (int trial = 0; trial < 100_000; trial++)
        {
            (string pattern, string name) = (Text(), Text());
            Assert.True(
                FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false) == Glob.Matches(pattern, name), $"'{pattern}' and '{name}'");
        }
    }

    [Theory]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(500)]
    public void No_pattern_costs_more_than_its_length_times_that_of_the_name(int stars)
    {
        string[] patterns =
        [
            string.Concat(Enumerable.Repeat("*a", stars)) + "*b",
            string.Concat(Enumerable.Repeat("*a", stars)) + "b",
            string.Concat(Enumerable.Repeat("a*", stars)) + "b",
            "*" + new string('a', stars) + "b",
            "*" + new string('?', stars) + "b",
            new string('*', stars) + "b",
            string.Concat(Enumerable.Repeat("*?", stars)) + "b\\",
        ];
        string name = new('a', 400);

        foreach (string pattern in patterns)
        {
            long steps = 0;
            Glob.Matches(pattern, name, ref steps);

            Assert.InRange(steps, 1, (2L * pattern.Length * name.Length) + pattern.Length + name.Length);
        }
    }

    [Fact]
    public void Steps_are_counted_where_nothing_matches_too()
    {
        long steps = 0;
        Glob.Matches("x", "a", ref steps);
        Glob.Matches("", "a", ref steps);

        Assert.InRange(steps, 2, 4);
    }

    private static IEnumerable<string> Texts(int length) => length == 0
        ? [""]
        : Texts(length - 1).SelectMany(text => Letters.Select(letter => text + letter));
}
