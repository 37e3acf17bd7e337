using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>Problems of one kind, told as one.</summary>
/// <param name="Code">Of each of them.</param>
/// <param name="Message">How many tensors, what is the matter with them, and which.</param>
/// <param name="Advice">What to do about all of them.</param>
/// <param name="Tensors">The names of all, in the order in which they were met; empty where it is about no tensor.</param>
public sealed record PlanProblemKind(string Code, string Message, string Advice, ImmutableArray<string> Tensors)
{
    private const int MaxExamples = 5;

    /// <summary>Names are told in full to programs, up to so many characters of them.</summary>
    private const int MaxCharacters = 4 << 20;

    private const int LongestName = 1000;

    /// <summary>How many tensors it is about.</summary>
    public int Count => Tensors.Length;

    /// <summary>A glob that matches all of them: the name of a single one; empty where it is about no tensor.</summary>
    public string Pattern => Tensors.IsEmpty ? "" : NamePattern.Covering(Tensors);

    /// <summary>A few of the names.</summary>
    public ImmutableArray<string> Examples => [.. NamesWithin(MaxCharacters).Take(MaxExamples)];

    /// <summary>The name of the tensor where it is one, else their pattern.</summary>
    public string Path => Tensors.Length == 1 ? Tensors[0] : Pattern;

    /// <summary>The names, as many as there are characters for; <see cref="Count"/> tells how many there are.</summary>
    /// <param name="maxCharacters">Of all names together.</param>
    public IEnumerable<string> NamesWithin(int maxCharacters = MaxCharacters)
    {
        int left = maxCharacters;
        foreach (string name in Tensors)
        {
            string shortened = Printable.Shortened(name, LongestName);
            left -= shortened.Length;
            if (left < 0)
            {
                yield break;
            }

            yield return shortened;
        }
    }

    /// <param name="problems">All reasons; those of one code about which the same is said become one.</param>
    /// <param name="share">Of the numbers of base or aligned, how many the problems are about, 0 to 1; null where that is not known.</param>
    internal static ImmutableArray<PlanProblemKind> Of(ImmutableArray<PlanProblem> problems, double? share) =>
    [
        .. problems.GroupBy(problem => (problem.Code, problem.OfMany, problem.Remedy, Alone: problem.Tensor.Length == 0 ? problem.Message : "")).Select(group => Together([.. group], share)),
    ];

    private static PlanProblemKind Together(ImmutableArray<PlanProblem> problems, double? share)
    {
        PlanProblem first = problems[0];
        ImmutableArray<string> tensors = [.. problems.SelectMany(problem => problem.Tensors.IsDefault ? [problem.Tensor] : problem.Tensors).Where(name => name.Length > 0)];
        string message = problems.Length == 1 ? first.Message
            : first.OfMany is { } what ? string.Create(
                CultureInfo.InvariantCulture,
                $"{problems.Length} tensors {what}: {NamePattern.Summary([.. problems.Select(problem => (problem.Tensor, problem.Detail))])}.")
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{first.Message} The same of {problems.Length - 1} more: {NamePattern.Summary([.. problems.Skip(1).Select(problem => (problem.Tensor, ""))])}.");
        return new PlanProblemKind(first.Code, message, PlanRemedies.Advice(first, tensors, share), tensors);
    }
}
