using System.CommandLine;
using ExpoCluster.Cli.Commands;

namespace ExpoCluster.Cli.Tests.Commands;

public sealed class HelpTests
{
    public static TheoryData<string> Commands => [.. All(ExpoClusterCommand.Create(), "").Select(found => found.Line)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Help_fits_a_hundred_columns_and_says_what_each_word_is_for(string line)
    {
        string[] lines = HelpOf(line).Split('\n');

        Assert.All(lines, text => Assert.True(text.TrimEnd().Length <= 100, $"{line}: {text.Length} columns: {text}"));
        Command command = All(ExpoClusterCommand.Create(), "").Single(found => found.Line == line).Command;
        Assert.All(command.Options.Where(option => !option.Hidden), option => Assert.Contains(lines, text => text.Contains(option.Name, StringComparison.Ordinal)));
        Assert.All(command.Subcommands, subcommand => Assert.Contains(lines, text => text.Contains(subcommand.Name, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_recipe_is_called_one_and_its_names_are_left_to_shells()
    {
        string help = HelpOf("merge");

        Assert.Contains("RECIPE", help, StringComparison.Ordinal);
        Assert.DoesNotContain("zephyr", help, StringComparison.Ordinal);
    }

    private static string HelpOf(string line)
    {
        var output = new StringWriter { NewLine = "\n" };
        int code = ExpoClusterCommand.Create().Parse($"{line} --help").Invoke(new InvocationConfiguration { Output = output });
        Assert.Equal(0, code);
        return output.ToString();
    }

    private static IEnumerable<(string Line, Command Command)> All(Command command, string line) =>
        command.Subcommands.SelectMany(subcommand => All(subcommand, $"{line} {subcommand.Name}".TrimStart())).Prepend((line, command));
}
