using ExpoCluster.Cli.Commands;

namespace ExpoCluster.Cli.Tests.Commands;

public sealed class CompletionCommandTests
{
    [Theory]
    [InlineData("expocluster jobs pr", "prune")]
    [InlineData("expocluster merge --numerics ", "exact official stochastic")]
    [InlineData("expocluster merge --dtype b", "bf16")]
    [InlineData("expocluster recipes zep", "zephyr-7b-alpha zephyr-7b-beta")]
    [InlineData("expocluster sample x --like zephyr-7b-b", "zephyr-7b-beta")]
    [InlineData("expocluster jobs list --state susp", "suspended")]
    [InlineData("expocluster node --log-format ", "json text")]
    [InlineData("expocluster completion ", "bash fish pwsh zsh")]
    [InlineData("expocluster verify /", "")]
    public void What_may_stand_at_the_end_of_a_line_is_found(string line, string expected) =>
        Assert.Equal(expected, string.Join(' ', ExpoClusterCommand.Create().Parse(line["expocluster ".Length..])
            .GetCompletions(line.Length - "expocluster ".Length).Select(item => item.Label).Where(label => !label.StartsWith('-')).Order(StringComparer.Ordinal)));

    [Fact]
    public void A_path_is_never_taken_for_a_call_for_help() => Assert.Empty(ExpoClusterCommand.Create().Parse(["verify", "/h"]).Errors);

    [Fact]
    public void A_shell_that_is_not_known_is_refused() => Assert.NotEmpty(ExpoClusterCommand.Create().Parse(["completion", "tcsh"]).Errors);
}
