using ExpoCluster.Cli.Display;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Tests.Display;

public sealed class AlphaTextTests
{
    [Fact]
    public void A_single_number_is_shown_as_it_is() => Assert.Equal("0.3", AlphaText.Of(0.3, [(0.3, 291)]));

    [Fact]
    public void A_few_numbers_are_shown_with_their_tensors() => Assert.Equal(
        "0.1 (1 tensor), 0.5 (290 tensors)",
        AlphaText.Of(new AlphaRule.ByPattern(new TensorPatterns<double>([])), [(0.1, 1), (0.5, 290)]));

    [Fact]
    public void Many_numbers_are_shown_as_a_range() => Assert.Equal(
        "0 to 0.7 (8 values, 16 tensors) by depth",
        AlphaText.Of(new AlphaRule.ByDepth([0, 0.7]), [.. Enumerable.Range(0, 8).Select(step => (step / 10.0, 2))]));
}
