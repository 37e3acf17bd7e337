using System.Collections.Immutable;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Recipes;

/// <summary>Understands the ways to say how far to move on: <c>alpha</c>, <c>alpha_by_depth</c> or <c>sweep</c>, one of them.</summary>
/// <param name="find">The value of a key, unless it is none.</param>
/// <param name="isGiven">Whether a key is there at all.</param>
/// <param name="problems">Takes what cannot be understood.</param>
internal sealed class DraftAlpha(
    Func<string, DraftValue?> find, Func<string, bool> isGiven, ImmutableArray<RecipeProblem>.Builder problems)
{
    /// <summary>Each output takes memory of every lane; nobody looks at more of them.</summary>
    private const int MaxSweep = 100;

    private readonly DraftLists lists = new(problems);

    /// <param name="addMissing">Reports that a key is missing.</param>
    public (AlphaRule Alpha, ImmutableArray<double> Sweep) Read(Action<string, string, ImmutableArray<RecipeProblem>.Builder> addMissing)
    {
        string[] given = [.. new[] { RecipeKeys.Alpha, RecipeKeys.AlphaByDepth, RecipeKeys.Sweep }.Where(isGiven)];
        if (given.Length == 0)
        {
            addMissing(RecipeKeys.Alpha, "how far to move on", problems);
        }

        foreach (string other in given.Skip(1))
        {
            problems.Add(RecipeProblems.TwoAlphas(find(other)?.Path ?? other, given[0]));
        }

        return given.FirstOrDefault() is { } key && find(key) is { } value ? Read(key, value) : (0, []);
    }

    private (AlphaRule Alpha, ImmutableArray<double> Sweep) Read(string key, DraftValue value)
    {
        if (key == RecipeKeys.AlphaByDepth)
        {
            return (ByDepth(value), []);
        }

        if (key == RecipeKeys.Alpha && DraftLists.HasDecimalComma(value.Text))
        {
            problems.Add(RecipeProblems.DecimalComma(value.Text, value.Path));
            return (0, []);
        }

        // Several numbers as alpha are a sweep; on the command line there is no other way to write one.
        ImmutableArray<double>? several = value.IsList
            ? key == RecipeKeys.Sweep || value.Entries.All(entry => entry.Text is not null) ? lists.Alphas(value, RecipeKeys.Sweep) : null
            : key == RecipeKeys.Sweep || value.Text.Contains(',', StringComparison.Ordinal) ? Split(value) : null;
        return several is { } alphas ? (alphas.FirstOrDefault(), CheckedSweep(value, alphas)) : (One(value), []);
    }

    private AlphaRule One(DraftValue value) => value.IsList
        ? new AlphaRule.ByPattern(lists.Patterns(value, RecipeKeys.Alpha, "0.3", lists.Alpha))
        : lists.Alpha(value.Text, value.Path);

    private AlphaRule ByDepth(DraftValue value)
    {
        if (value.IsList)
        {
            return new AlphaRule.ByDepth(lists.Alphas(value, RecipeKeys.AlphaByDepth));
        }

        problems.Add(RecipeProblems.MisshapenEntry(value.Path, DraftLists.AlphasForm(RecipeKeys.AlphaByDepth)));
        return 0;
    }

    // A comma behind the last of several says that those before it are no decimal commas.
    private ImmutableArray<double> Split(DraftValue value)
    {
        string[] texts = value.Text.Split(',', StringSplitOptions.TrimEntries);
        return [.. (texts is [_, _, .., ""] ? texts[..^1] : texts).Select(text => lists.Alpha(text, value.Path))];
    }

    private ImmutableArray<double> CheckedSweep(DraftValue value, ImmutableArray<double> alphas)
    {
        if (alphas.Length > MaxSweep)
        {
            problems.Add(RecipeProblems.SweepTooLong(value.Path, alphas.Length, MaxSweep));
        }

        foreach (string folder in alphas.Select(Plan.VariantFolder).GroupBy(folder => folder).Where(same => same.Count() > 1).Select(same => same.Key))
        {
            problems.Add(RecipeProblems.AlphaTwice(value.Path, folder));
        }

        return alphas;
    }
}
