using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Recipes;

/// <summary>Understands the lists of a draft. What cannot be understood becomes a problem and is left out.</summary>
internal sealed partial class DraftLists(ImmutableArray<RecipeProblem>.Builder problems)
{
    // Kernels compute in float32, in which a larger alpha is infinite and makes every value a NaN.
    public static bool TryReadAlpha(string text, out double alpha) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out alpha) && float.IsFinite((float)alpha);

    /// <summary>Whether a text is one number as many languages write it, 0,3, which would be two here.</summary>
    public static bool HasDecimalComma(string text) => DecimalComma().IsMatch(text);

    public static string AlphasForm(string key) => $"{key}: [0.1, 0.5]";

    /// <summary>Numbers, at least one.</summary>
    public ImmutableArray<double> Alphas(DraftValue value, string key)
    {
        string form = AlphasForm(key);
        CheckNotEmpty(value, form);
        return [.. value.Entries.Select(entry => entry.Text is { } text ? Alpha(text, entry.Path) : Misshapen(entry, form))];
    }

    /// <summary>A list of <c>{match: glob, KEY: value}</c>, at least one.</summary>
    /// <param name="value">The list.</param>
    /// <param name="key">Of the entry's value.</param>
    /// <param name="example">A value, for errors.</param>
    /// <param name="read">Understands a value; reports by itself what it cannot.</param>
    public TensorPatterns<T> Patterns<T>(DraftValue value, string key, string example, Func<string, string, T> read)
    {
        string form = $"- {{{RecipeKeys.Match}: '*', {key}: {example}}}";
        CheckNotEmpty(value, form);
        var patterns = ImmutableArray.CreateBuilder<TensorPattern<T>>(value.Entries.Length);
        foreach (DraftEntry entry in value.Entries)
        {
            if (Fields(entry, key) is not var (glob, text))
            {
                Misshapen(entry, form);
                continue;
            }

            if (!DraftValue.IsPlain(glob))
            {
                problems.Add(RecipeProblems.NotPlainText(entry.Path));
            }

            patterns.Add(new TensorPattern<T>(glob, read(text, entry.Path)));
        }

        return new TensorPatterns<T>(patterns.ToImmutable());
    }

    public double Alpha(string text, string path)
    {
        if (!TryReadAlpha(text, out double alpha))
        {
            problems.Add(HasDecimalComma(text) ? RecipeProblems.DecimalComma(text, path) : RecipeProblems.AlphaIsNoNumber(text, path));
        }

        return alpha;
    }

    private static (string Glob, string Text)? Fields(DraftEntry entry, string key)
    {
        if (entry.Text is not null || entry.Fields.Length != 2)
        {
            return null;
        }

        string? glob = entry.Fields.FirstOrDefault(field => field.Key == RecipeKeys.Match).Value;
        string? text = entry.Fields.FirstOrDefault(field => field.Key == key).Value;
        return string.IsNullOrEmpty(glob) || text is null ? null : (glob, text);
    }

    private void CheckNotEmpty(DraftValue value, string form)
    {
        if (value.Entries.IsEmpty)
        {
            problems.Add(RecipeProblems.EmptyList(value.Path, form));
        }
    }

    private double Misshapen(DraftEntry entry, string form)
    {
        problems.Add(RecipeProblems.MisshapenEntry(entry.Path, form));
        return 0;
    }

    [GeneratedRegex(@"^\s*[+-]?[0-9]+,[0-9]+\s*$")]
    private static partial Regex DecimalComma();
}
