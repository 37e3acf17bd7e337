using System.Collections.Immutable;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning;

/// <summary>One reason why two checkpoints cannot be merged as the recipe says.</summary>
public sealed record PlanProblem(string Code, string Tensor, string Message)
{
    /// <summary>A tensor that is copied holds other values in base than in aligned.</summary>
    internal static PlanProblem CopiedTensorDiffers(string tensor, Dtype dtype) => new(
        PlanningException.CopiedTensorsDiffer,
        tensor,
        $"tensor '{tensor}' is {dtype.Name()}, which is copied and not extrapolated, but base and aligned hold different values.");
}

/// <summary>The checkpoints do not fit each other; all reasons at once.</summary>
public sealed class PlanningException(ImmutableArray<PlanProblem> problems)
    : ExpoException(
        problems[0].Code,
        string.Join(Environment.NewLine, problems.Take(MaxShown).Select(problem => problem.Message))
            + (problems.Length > MaxShown ? $"{Environment.NewLine}… and {problems.Length - MaxShown} more." : ""),
        "use --on-mismatch copy-aligned to take these tensors from aligned, or --on-mismatch drop to leave them out.")
{
    public const string OnlyInAligned = "EXPO1201";
    public const string OnlyInBase = "EXPO1202";
    public const string ShapesDiffer = "EXPO1203";
    public const string CopiedTensorsDiffer = "EXPO1204";
    public const string DtypesDiffer = "EXPO1205";
    public const string NothingToMerge = "EXPO1206";
    public const string InputChanged = "EXPO1207";

    private const int MaxShown = 20;

    public ImmutableArray<PlanProblem> Problems { get; } = problems;
}
