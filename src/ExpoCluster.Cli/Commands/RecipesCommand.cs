using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Cli.Display;
using ExpoCluster.Core.Recipes.BuiltIn;
using Spectre.Console;

namespace ExpoCluster.Cli.Commands;

/// <summary><c>expocluster recipes</c>: the built-in recipes as a table, or one of them in full.</summary>
internal static class RecipesCommand
{
    // Where the output is no terminal, the library assumes 80 columns and would break the rows.
    private const int TableWidth = 100;

    public static Command Create()
    {
        var name = new Argument<string?>("NAME") { HelpName = "NAME", Description = "A built-in recipe, to see it in full.", Arity = ArgumentArity.ZeroOrOne };
        name.CompletionSources.Add(RecipeOptions.Names);
        var json = new Option<bool>("--json") { Description = "Print one JSON object, on standard output." };
        var command = new Command("recipes", "Show the built-in recipes, or print one of them as a recipe file to start from.");
        command.Arguments.Add(name);
        command.Options.Add(json);
        command.SetAction(parsed => JsonErrors.Around(
            parsed.GetValue(json), () => Run(parsed.GetValue(name), parsed.GetValue(json))));
        return command;
    }

    private static int Run(string? name, bool json)
    {
        if (name is not null)
        {
            BuiltInRecipe recipe = BuiltInRecipes.Named(name);
            if (json)
            {
                JsonOutput.Write(ToJson(recipe));
            }
            else
            {
                Console.Out.Write(recipe.Yaml);
            }
        }
        else if (json)
        {
            JsonOutput.Write(new JsonObject { ["recipes"] = new JsonArray([.. BuiltInRecipes.All.Select(recipe => (JsonNode)ToJson(recipe))]) });
        }
        else
        {
            ShowOn(Terminal.Tables);
        }

        return ExitCodes.Done;
    }

    /// <summary>The table, no wider than 100 columns.</summary>
    internal static void ShowOn(IAnsiConsole console)
    {
        console.Profile.Width = Math.Max(console.Profile.Width, TableWidth);
        Table table = new Table().Border(TableBorder.Simple).AddColumn("recipe").AddColumn("alpha")
            .AddColumn("win rate").AddColumn("LC win rate").AddColumn("MT-Bench").AddColumn("licence");
        foreach (BuiltInRecipe recipe in BuiltInRecipes.All)
        {
            table.AddRow(
                recipe.Name,
                recipe.Alpha.ToString(CultureInfo.InvariantCulture) + (recipe.Unverified is null ? "" : " ?"),
                Score(recipe.WinRate, "0.0"),
                Score(recipe.ControlledWinRate, "0.0"),
                Score(recipe.MtBench, "0.00"),
                recipe.Licence.Name);
        }

        console.Write(table);
        console.WriteLine("Published figures, aligned → with ExPO: AlpacaEval 2.0 (win rate, length-controlled), MT-Bench.");
        foreach (string doubt in BuiltInRecipes.All.Select(recipe => recipe.Unverified).OfType<string>().Distinct())
        {
            console.WriteLine("? " + doubt);
        }

        console.WriteLine("one in full: expocluster recipes NAME    use it: expocluster merge NAME --out DIR");
    }

    private static string Score(PublishedScore score, string format) => string.Create(
        CultureInfo.InvariantCulture,
        $"{score.Aligned.ToString(format, CultureInfo.InvariantCulture)} → {score.Merged.ToString(format, CultureInfo.InvariantCulture)}");

    private static JsonObject ToJson(BuiltInRecipe recipe) => new()
    {
        ["name"] = recipe.Name,
        ["base"] = "hf:" + recipe.Base,
        ["aligned"] = "hf:" + recipe.Aligned,
        ["alpha"] = recipe.Alpha,
        ["scores"] = new JsonObject
        {
            ["alpacaEval2WinRate"] = ToJson(recipe.WinRate),
            ["alpacaEval2LengthControlledWinRate"] = ToJson(recipe.ControlledWinRate),
            ["mtBench"] = ToJson(recipe.MtBench),
        },
        ["licence"] = recipe.Licence.Name,
        ["licenceNote"] = recipe.Licence.Note,
        ["unverified"] = recipe.Unverified,
        ["yaml"] = recipe.Yaml,
    };

    private static JsonObject ToJson(PublishedScore score) => new() { ["aligned"] = score.Aligned, ["merged"] = score.Merged };
}
