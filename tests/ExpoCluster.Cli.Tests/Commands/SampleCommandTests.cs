using ExpoCluster.Cli.Commands;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Tests.Commands;

public sealed class SampleCommandTests
{
    [Theory]
    [InlineData("--scale", "--scale", "0.5")]
    [InlineData("--scale", "--like", "zephyr-7b-beta", "--scale", "0")]
    [InlineData("--scale", "--like", "zephyr-7b-beta", "--scale", "1.5")]
    [InlineData("--scale", "--like", "zephyr-7b-beta", "--scale", "NaN")]
    [InlineData("--scale", "--like", "zephyr-7b-beta", "--scale", "small")]
    [InlineData("--size", "--like", "zephyr-7b-beta", "--size", "64MB")]
    [InlineData("--dtype", "--like", "zephyr-7b-beta", "--dtype", "bf16")]
    [InlineData("--max-shard-size", "--like", "zephyr-7b-beta", "--max-shard-size", "5GB")]
    public void What_cannot_be_is_refused_with_the_option_named(string option, params string[] arguments)
    {
        RecipeProblem problem = Assert.Single(Refusal(arguments).Problems);

        Assert.Equal(("EXPO2088", option), (problem.Code, problem.Path));
    }

    [Fact]
    public void A_name_that_no_recipe_has_is_refused() =>
        Assert.Equal("EXPO2017", Assert.Single(Refusal("--like", "snorkel-mistral-pairm").Problems).Code);

    private static UsageException Refusal(params string[] arguments) => Assert.Throws<UsageException>(() => SampleCommand.Create()
        .Parse([Path.Join(Path.GetTempPath(), "never-made"), .. arguments])
        .Invoke(new System.CommandLine.InvocationConfiguration { EnableDefaultExceptionHandler = false }));
}
