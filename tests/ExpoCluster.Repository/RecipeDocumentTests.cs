using System.Globalization;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Recipes.BuiltIn;

namespace ExpoCluster.Repository;

/// <summary>The recipes in the documents are ones that the program reads.</summary>
public sealed partial class RecipeDocumentTests
{
    public static TheoryData<string> Recipes => [.. Blocks("README.md"), .. Blocks("docs/recipes.md")];

    public static TheoryData<string> Names => [.. BuiltInRecipes.All.Select(recipe => recipe.Name)];

    [Theory]
    [MemberData(nameof(Recipes))]
    public void A_recipe_in_a_document_is_valid(string yaml) => Assert.Empty(RecipeDraft.FromYaml(yaml, "document").Validate().Problems);

    [Fact]
    public void There_are_some() => Assert.True(Recipes.Count >= 5);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_built_in_recipe_has_its_row(string name)
    {
        BuiltInRecipe recipe = BuiltInRecipes.Named(name);
        string alpha = recipe.Alpha.ToString(CultureInfo.InvariantCulture) + (recipe.Unverified is null ? "" : " ?");
        string row = FormattableString.Invariant(
            $"| `{name}` | {recipe.Aligned} | {recipe.Base} | {alpha} | {Score(recipe.WinRate, 1)} | {Score(recipe.ControlledWinRate, 1)} | {Score(recipe.MtBench, 2)} | {recipe.Licence.Name} |");

        Assert.Contains(row, Tree.Read("docs/recipes.md").Split('\n'));
    }

    private static string Score(PublishedScore score, int digits) =>
        score.Aligned.ToString("F" + digits, CultureInfo.InvariantCulture) + " → " + score.Merged.ToString("F" + digits, CultureInfo.InvariantCulture);

    private static IEnumerable<string> Blocks(string document) =>
        YamlBlock().Matches(Tree.Read(document)).Select(block => block.Groups[1].Value);

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex YamlBlock();
}
