using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>What helps against a problem of a plan.</summary>
public enum PlanRemedy
{
    /// <summary>Taking the tensors from aligned, or leaving them out.</summary>
    TakeOrDrop,

    /// <summary>Extrapolating the rows that both sides have.</summary>
    CommonRows,

    /// <summary>Extrapolating the head against the embedding that base uses as its head.</summary>
    Untie,

    /// <summary>Accepting that the output has no head of its own, as aligned has none.</summary>
    StayTied,

    /// <summary>Other checkpoints: quantised numbers do not extrapolate.</summary>
    PlainNumbers,

    /// <summary>Other checkpoints.</summary>
    OtherCheckpoints,
}

/// <summary>Advice in words. None of it leads to a model that nobody asked for.</summary>
internal static class PlanRemedies
{
    /// <summary>Of the numbers of a model, so many may be left as they are before it is no merge any more.</summary>
    internal const double MostUncomputed = 0.1;

    private const int MostPatterns = 6;

    private const string ByName = "In a recipe, on_mismatch says it by tensor name";

    /// <param name="problem">One of its kind.</param>
    /// <param name="tensors">All that the kind is about.</param>
    /// <param name="share">Of the numbers of base or aligned, how many all problems are about, 0 to 1; null where that is not known.</param>
    public static string Advice(PlanProblem problem, ImmutableArray<string> tensors, double? share)
    {
        if (problem.Advice is { } own)
        {
            return own;
        }

        return problem.Remedy switch
        {
            PlanRemedy.PlainNumbers =>
                "give checkpoints of plain numbers (BF16, F16 or F32), such as those that the quantised ones were made from; copying codes and extrapolating their scales would make another model.",
            PlanRemedy.OtherCheckpoints => "check both references.",
            _ when share > MostUncomputed => TooMuch(share.Value),
            PlanRemedy.CommonRows =>
                "extrapolate-common-rows computes the rows that both have and copies aligned's further ones: --on-mismatch extrapolate-common-rows. " + InRecipe(tensors, "extrapolate-common-rows"),
            PlanRemedy.Untie =>
                $"--on-mismatch untie extrapolates aligned's head against the embedding that base uses as its head; copy-aligned takes the head from aligned as it is. {InRecipe(tensors, "untie")}",
            PlanRemedy.StayTied => $"--on-mismatch drop accepts that. {InRecipe(tensors, "drop")}",
            _ => $"use --on-mismatch copy-aligned to take what aligned has from aligned as it is, or --on-mismatch drop to leave these tensors out if no loader needs them. {InRecipe(tensors, "copy-aligned")}",
        };
    }

    private static string TooMuch(double share) => string.Create(
        CultureInfo.InvariantCulture,
        $"all that does not fit is {share:P0} of a model, so what could be computed would be no merge: check that base and aligned are two versions of one model (expocluster inspect REF shows what each holds).");

    // One pattern for all would match other tensors too, and who names tensors means them.
    private static string InRecipe(ImmutableArray<string> tensors, string policy)
    {
        string[] patterns = tensors.Length == 1
            ? [tensors[0]]
            : [.. tensors.Select(TensorNames.PatternOf).Distinct(StringComparer.Ordinal).Take(MostPatterns + 1)];
        bool canBeWritten = patterns.Length is > 0 and <= MostPatterns && patterns.All(pattern => DraftValue.IsPlain(pattern) && !pattern.Contains('\\', StringComparison.Ordinal));
        return canBeWritten
            ? $"{ByName}: on_mismatch: [{string.Join(", ", patterns.Select(pattern => $"{{match: '{Printable.Of(pattern.Replace("'", "''", StringComparison.Ordinal))}', policy: {policy}}}"))}]."
            : $"{ByName}.";
    }
}
