namespace ExpoCluster.EndToEnd;

public sealed class PlanTests
{
    [Fact]
    public void A_plan_says_what_merge_would_write_and_writes_nothing()
    {
        using var place = new Workplace("40MB");
        string[] arguments = ["--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.Output, "--max-shard-size", "10MB", "--json"];

        RunResult plan = ExpoProcess.Run(["plan", .. arguments]);

        Assert.True(plan.ExitCode == 0, plan.ToString());
        Assert.False(Directory.Exists(place.Output));
        RunResult merge = ExpoProcess.Run(["merge", .. arguments]);
        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(plan.Json.GetProperty("bytesWritten").GetInt64(), merge.Json.GetProperty("bytesWritten").GetInt64());
        Assert.Equal(plan.Json.GetProperty("bytesRead").GetInt64(), merge.Json.GetProperty("bytesRead").GetInt64());
        Assert.Equal(plan.Json.GetProperty("parts").GetInt32(), merge.Json.GetProperty("parts").GetProperty("total").GetInt32());
        foreach (var file in plan.Json.GetProperty("files").EnumerateArray())
        {
            string path = Path.Join(place.Output, file.GetProperty("name").GetString());
            Assert.Equal(file.GetProperty("bytes").GetInt64(), new FileInfo(path).Length);
        }
    }

    [Fact]
    public void All_problems_of_a_command_are_reported_at_once()
    {
        RunResult plan = ExpoProcess.Run("plan", "--base", "b", "--alpha", "much", "--numerics", "fuzzy", "--dtype", "f99");

        Assert.Equal(2, plan.ExitCode);
        foreach (string path in new[] { "aligned", "--alpha", "--numerics", "--dtype" })
        {
            Assert.Matches($@"error EXPO2\d\d\d: {path}: ", plan.Errors);
        }
    }

    [Theory]
    [InlineData("--bogus")]
    [InlineData("--lanes", "none")]
    [InlineData("--max-memory", "1MB")]
    [InlineData("--max-rate", "fast")]
    public void Wrong_arguments_are_usage_errors(params string[] arguments)
    {
        RunResult plan = ExpoProcess.Run(["plan", "--base", "b", "--aligned", "a", "--alpha", "0.3", .. arguments]);

        Assert.Equal(2, plan.ExitCode);
        Assert.Contains(arguments[0], plan.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", plan.Errors, StringComparison.Ordinal);
    }
}
