using System.Collections.Immutable;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>The checkpoints do not fit each other; all reasons at once.</summary>
public sealed class PlanningException(ImmutableArray<PlanProblem> problems)
    : ExpoException(
        problems[0].Code,
        string.Join(Environment.NewLine, problems.Take(MaxShown).Select(problem => problem.Message))
            + (problems.Length > MaxShown ? $"{Environment.NewLine}… and {problems.Length - MaxShown} more." : ""),
        AdviceOn(problems))
{
    public const string OnlyInAligned = "EXPO1201";
    public const string OnlyInBase = "EXPO1202";
    public const string ShapesDiffer = "EXPO1203";
    public const string CopiedTensorsDiffer = "EXPO1204";
    public const string DtypesDiffer = "EXPO1205";
    public const string NothingToMerge = "EXPO1206";
    public const string InputChanged = "EXPO1207";
    public const string HeadTiedOnOneSide = "EXPO1208";
    public const string NoCommonRows = "EXPO1209";

    public const string IsQuantised = "EXPO1210";
    public const string IsAdapter = "EXPO1211";
    public const string WithoutElements = "EXPO1212";
    public const string ExpertsFused = "EXPO1213";
    public const string TooLittleComputed = "EXPO1214";
    public const string PromisedStray = "EXPO1215";

    private const int MaxShown = 20;

    public ImmutableArray<PlanProblem> Problems { get; } = problems;

    private static string AdviceOn(ImmutableArray<PlanProblem> problems)
    {
        if (problems.All(problem => problem.Advice is not null))
        {
            return string.Join(" ", problems.Select(problem => problem.Advice).Distinct());
        }

        string advice = "use --on-mismatch copy-aligned to take these tensors from aligned, or --on-mismatch drop to leave them out.";
        if (problems.Any(problem => problem.Code == ShapesDiffer))
        {
            advice += " Of embeddings and heads that differ in their rows, extrapolate-common-rows computes those that both have.";
        }

        if (problems.Any(problem => problem.Code == HeadTiedOnOneSide))
        {
            advice += " A head of aligned's is extrapolated against the embedding that base uses as its head with untie.";
        }

        return advice + " A recipe's on_mismatch may say it by tensor name.";
    }
}
