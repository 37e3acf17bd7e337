using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Cli.Display;

/// <summary>The alphas of a plan in one line.</summary>
internal static class AlphaText
{
    private const int MaxShown = 6;

    /// <summary>The number, if there is one for all; else each with its count of tensors, or the range where they are many.</summary>
    public static string Of(AlphaRule rule, ImmutableArray<(double Alpha, int Tensors)> alphas)
    {
        if (alphas.IsEmpty || (rule.Single is not null && alphas.Length == 1))
        {
            return rule.ToString();
        }

        string text = alphas.Length <= MaxShown
            ? string.Join(", ", alphas.Select(row => $"{Number(row.Alpha)} ({Count(row.Tensors)})"))
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{Number(alphas[0].Alpha)} to {Number(alphas[^1].Alpha)} ({alphas.Length} values, {Count(alphas.Sum(row => row.Tensors))})");
        return rule is AlphaRule.ByDepth ? text + " by depth" : text;
    }

    private static string Number(double alpha) => alpha.ToString("0.####", CultureInfo.InvariantCulture);

    private static string Count(int tensors) => string.Create(CultureInfo.InvariantCulture, $"{tensors} tensor{(tensors == 1 ? "" : "s")}");
}
