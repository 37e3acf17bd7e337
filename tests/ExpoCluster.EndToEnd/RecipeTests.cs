namespace ExpoCluster.EndToEnd;

public sealed class RecipeTests
{
    [Fact]
    public void A_built_in_recipe_is_printed_as_a_file_that_plan_reads()
    {
        using var place = new Workplace("4MB");
        RunResult printed = ExpoProcess.Run("recipes", "internlm2-chat-1.8b");
        string path = Path.Join(place.Root, "mine.yaml");
        File.WriteAllText(path, printed.Output);

        RunResult plan = ExpoProcess.Run("plan", path, "--base", place.Base, "--aligned", place.Aligned, "--json");

        Assert.True(plan.ExitCode == 0, plan.ToString());
        Assert.Equal(0.5, plan.Json.GetProperty("alpha").GetDouble());
    }

    [Theory]
    [InlineData("recipes", "zephyr-7b-bta")]
    [InlineData("merge", "zephyr-7b-bta", "--out", "x")]
    [InlineData("plan", "zephyr-7b-bta")]
    public void An_unknown_name_is_a_usage_error_with_a_suggestion(params string[] arguments)
    {
        RunResult result = ExpoProcess.Run(arguments);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("error EXPO2017: zephyr-7b-bta: ", result.Errors, StringComparison.Ordinal);
        Assert.Contains("did you mean zephyr-7b-beta?", result.Errors, StringComparison.Ordinal);
    }
}
