using System.CommandLine;
using ExpoCluster.Cli.Commands;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;
using Spectre.Console;

namespace ExpoCluster.Cli.Tests.Commands;

public sealed class RecipesCommandTests
{
    [Fact]
    public void The_table_has_a_line_for_each_recipe_and_fits_100_columns()
    {
        string[] lines = Table();

        Assert.All(lines, line => Assert.InRange(line.Length, 0, 100));
        Assert.All(BuiltInRecipes.All, recipe => Assert.Single(lines, line => line.TrimStart().StartsWith(recipe.Name + " ", StringComparison.Ordinal)));
        string snorkel = lines.Single(line => line.Contains("snorkel", StringComparison.Ordinal));
        Assert.Equal(
            ["snorkel-mistral-pairrm", "0.3", "24.7", "→", "28.8", "24.0", "→", "26.4", "7.63", "→", "7.69", "Apache-2.0"],
            snorkel.Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Doubtful_rows_are_marked_and_the_mark_is_explained()
    {
        string[] lines = Table();

        Assert.Equal(2, lines.Count(line => line.Contains("0.5 ?", StringComparison.Ordinal)));
        Assert.Contains("? unverified: pair and alpha are expected, not published", lines);
    }

    [Fact]
    public void A_built_in_name_stands_where_a_recipe_file_may_and_options_win_over_it()
    {
        Recipe recipe = Read("zephyr-7b-beta", "--alpha", "0.25", "--out", "there");

        Assert.Equal(
            ("zephyr-7b-beta-expo", "hf:HuggingFaceH4/zephyr-7b-beta", "hf:HuggingFaceH4/mistral-7b-sft-beta", "there"),
            (recipe.Name, recipe.Aligned, recipe.Base, recipe.Output));
        Assert.Equal(0.25, recipe.Alpha);
    }

    [Fact]
    public void An_unknown_name_is_a_usage_error() =>
        Assert.Equal("EXPO2017", Assert.Throws<UsageException>(() => Read("zephyr-7b-gamma", "--out", "there")).Code);

    private static string[] Table()
    {
        var output = new StringWriter { NewLine = "\n" };
        RecipesCommand.ShowOn(AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(output) }));
        return output.ToString().Split('\n');
    }

    private static Recipe Read(params string[] arguments)
    {
        var options = new RecipeOptions();
        var command = new Command("merge");
        options.AddTo(command);
        return options.Read(command.Parse(arguments), needsOutput: true);
    }
}
