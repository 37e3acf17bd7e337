using System.Globalization;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Recipes.BuiltIn;
using ExpoCluster.Core.Recipes.Spelling;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Recipes;

/// <summary>Every way in which a recipe can be wrong, each with its code (docs/errors.md, 2xxx).</summary>
internal static class RecipeProblems
{
    /// <summary>Whether the recipe may have keys that were not seen: it is mergekit's, or was not read to its end.</summary>
    public static bool HidesKeys(RecipeProblem problem) => problem.Code is "EXPO2010" or "EXPO2011" or "EXPO2012" or "EXPO2013";

    public static bool IsOfMergekit(RecipeProblem problem) => problem.Code == "EXPO2010";

    public static RecipeProblem Missing(string key, string what) => new(
        "EXPO2001", key, $"{what} is missing.", $"add '{key}: …' to the recipe, or --{key} to the command.");

    public static RecipeProblem UnknownKey(string path, string key) => new(
        "EXPO2002",
        path,
        $"'{Printable.Of(key)}' is no key of a recipe.",
        Suggestion.For(key, RecipeKeys.All) is { } near ? $"did you mean '{near}'?" : $"the keys are {string.Join(", ", RecipeKeys.All)}.");

    public static RecipeProblem DuplicateKey(string path, string key) => new(
        "EXPO2003", path, $"'{Printable.Of(key)}' is given twice.", "remove one of the two.");

    public static RecipeProblem AlphaIsNoNumber(string text, string path) => new(
        "EXPO2004",
        path,
        $"'{Printable.Of(text)}' is not a finite number that float32 can hold.",
        "give a number, for example 0.3; published models use 0.1 to 0.5.");

    public static RecipeProblem DecimalComma(string text, string path) => new(
        "EXPO2035",
        path,
        $"'{Printable.Of(text)}' has a decimal comma, or is a sweep of two whole numbers: it cannot be told which.",
        $"for one alpha write it with a point, {Printable.Of(text.Trim().Replace(',', '.'))}; for a sweep end it with a comma, {Printable.Of(text.Trim())},");

    public static RecipeProblem UnknownMethod(DraftValue value) => new(
        "EXPO2005", value.Path, $"'{Printable.Of(value.Text)}' is no merge method of this version.", $"use {string.Join(" or ", MergeMethods.All.Select(method => method.Name))}.");

    public static RecipeProblem UnknownWord(string text, string path, string what, string words) => new(
        "EXPO2006", path, $"'{Printable.Of(text)}' is not a {what}.", $"use one of {words}.");

    public static RecipeProblem OfficialNeedsBf16(DraftValue value) => new(
        "EXPO2007",
        value.Path,
        $"numerics 'official' computes and writes BF16, but dtype is '{Printable.Of(value.Text)}'.",
        "leave dtype out, or use numerics 'exact'.");

    public static RecipeProblem NoSize(DraftValue value) => new(
        "EXPO2008", value.Path, $"'{Printable.Of(value.Text)}' is no size.", "give a size such as 5GB, or keep.");

    public static RecipeProblem NotAScalar(string path, string key) => new(
        "EXPO2009", path, $"'{Printable.Of(key)}' has several values, but one is wanted.", "give a single value.");

    public static RecipeProblem MergekitKey(string path, string key) => new(
        "EXPO2010",
        path,
        $"'{Printable.Of(key)}' belongs to a mergekit configuration, which this version does not read.",
        "write method: expo with base, aligned and alpha.");

    /// <param name="path">Where.</param>
    /// <param name="why">What is missing, in a clause.</param>
    public static RecipeProblem NotOfMergekit(string path, string why) => new(
        "EXPO2010",
        path,
        $"this configuration of mergekit's cannot be run: {Printable.Of(why)} (at {Printable.Of(path)}).",
        "of mergekit's files, task_arithmetic with one model beside base_model and linear with two models run; for ExPO write method: expo with base, aligned and alpha.");

    public static RecipeProblem Syntax(string path, string message) => new(
        "EXPO2011", path, $"this is not valid YAML: {message}", "correct the line; a recipe is a list of 'key: value' lines.");

    public static RecipeProblem NoMapping(string path) => new(
        "EXPO2012", path, "a recipe is a list of 'key: value' lines, but the file holds something else.", "write base, aligned and alpha, each on a line of its own.");

    public static RecipeProblem TooLarge(string path, string what) => new(
        "EXPO2013", path, $"the recipe is {what}.", "a recipe needs a few lines; check that this is the right file.");

    public static RecipeProblem Alias(string path) => new(
        "EXPO2014", path, "anchors and aliases are not allowed in a recipe.", "write the value in place.");

    public static RecipeProblem EmptyValue(string path) => new(
        "EXPO2015", path, "the value is empty.", "give a value, or remove the line.");

    public static RecipeProblem NotPlainText(string path) => new(
        "EXPO2016", path, "the text holds a control character or half a surrogate pair.", "write it without.");

    public static RecipeProblem NoBuiltInRecipe(string name, string found)
    {
        string[] names = [.. BuiltInRecipes.All.Select(recipe => recipe.Name)];
        string[] near = [.. Suggestion.Nearest(name, names)];
        return new RecipeProblem(
            "EXPO2017",
            name,
            $"there is {found} of this name.",
            near.Length > 0 ? $"did you mean {string.Join(" or ", near)}?" : $"the built-in recipes are {string.Join(", ", names)}.");
    }

    public static RecipeProblem TwoAlphas(string path, string other) => new(
        "EXPO2018", path, $"{other} is given as well, and both say how far to move on.", "remove one of the two.");

    public static RecipeProblem MisshapenEntry(string path, string form) => new(
        "EXPO2019", path, "the entry does not have the form that this list needs.", $"write it as {form}");

    public static RecipeProblem WildcardsDiffer(string path, string from, string to) => new(
        "EXPO2150",
        path,
        $"'{Printable.Of(from)}' and '{Printable.Of(to)}' do not have the same wildcards in the same order, so what they stand for is not clear.",
        "write as many * and ? in 'to' as in 'from'; a 'from' without any is the beginning of a name.");

    public static RecipeProblem RenamesNothing(string path) => new(
        "EXPO2151", path, "'from' and 'to' are the same.", "remove the entry, or correct it.");

    public static RecipeProblem EmptyList(string path, string form) => new(
        "EXPO2020", path, "the list is empty.", $"write at least one entry, as in {form}");

    /// <summary>Of planning, for only the checkpoint tells which tensors there are.</summary>
    public static RecipeProblem NoAlphaFor(string tensor) => new(
        "EXPO2021",
        RecipeKeys.Alpha,
        $"no entry of the list matches tensor '{Printable.Of(tensor)}'.",
        "end the list with {match: '*', alpha: …} for all others; alpha 0 leaves a tensor as it is in aligned.");

    public static RecipeProblem AlphaTwice(string path, string folder) => new(
        "EXPO2030", path, $"two outputs would go into the folder {folder}.", "give each alpha once.");

    public static RecipeProblem SweepTooLong(string path, int found, int limit) => new(
        "EXPO2031", path, $"{found} alphas are more than a sweep may have ({limit}).", "split them over several merges.");

    public static RecipeProblem NoSeed(DraftValue value) => new(
        "EXPO2032", value.Path, $"'{Printable.Of(value.Text)}' is no whole number of 64 bits.", "give one, for example 1.");

    public static RecipeProblem SeedOfNoUse(DraftValue value, string numerics) => new(
        "EXPO2033", value.Path, $"a seed is of no use with numerics '{numerics}', which draw no random numbers.", "remove it, or use numerics 'stochastic'.");

    public static RecipeProblem StochasticIsNotF16(DraftValue value) => new(
        "EXPO2034",
        value.Path,
        $"numerics 'stochastic' rounds to BF16, but dtype is '{Printable.Of(value.Text)}'.",
        "use dtype bf16, or numerics 'exact'.");

    /// <summary>Of planning, for only the checkpoint tells which dtypes there are.</summary>
    public static RecipeProblem StochasticIsNotF16(string tensor) => new(
        "EXPO2034",
        RecipeKeys.Numerics,
        $"numerics 'stochastic' rounds to BF16, but tensor '{Printable.Of(tensor)}' is F16.",
        "use dtype bf16 or f32, or numerics 'exact'.");

    /// <summary>Of planning, for only the checkpoint tells how many names there are.</summary>
    public static RecipeProblem PatternsCostTooMuch(long limit) => new(
        "EXPO2040",
        RecipeKeys.Alpha,
        string.Create(CultureInfo.InvariantCulture, $"to try the recipe's patterns on all tensors takes more than {limit} comparisons of characters."),
        "write fewer and shorter patterns with fewer stars in 'alpha' and 'on_mismatch'.");

    /// <param name="what">Base and aligned have together.</param>
    public static RecipeProblem TooMuchToPlan(string what) => new(
        "EXPO2041",
        RecipeKeys.Base,
        $"base and aligned have {what}, more than one plan takes.",
        "check that these are the right checkpoints; the largest published models have a tenth of it.");

    public static RecipeProblem UnreadableFile(string path, string why) => new(
        "EXPO2084",
        path,
        $"the recipe file cannot be read ({why})",
        "give the path of a YAML file, the name of a built-in recipe, or use --base, --aligned and --alpha.");
}
