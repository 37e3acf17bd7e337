using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;

namespace ExpoCluster.Core.Planning;

/// <summary>Looks at all problems together for what they have in common.</summary>
internal static class Mismatches
{
    /// <param name="problems">At least one.</param>
    /// <param name="baseCheckpoint">As it was joined.</param>
    /// <param name="aligned">As it was joined.</param>
    /// <param name="work">Who ends it.</param>
    public static PlanningException Explain(ImmutableArray<PlanProblem> problems, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
    {
        if (problems.Any(IsOfOneSide) && NameDifference.Find(baseCheckpoint.Tensors, aligned.Tensors, work) is { } difference)
        {
            problems =
            [
                PlanProblem.OtherNames(difference),
                .. problems.Where(problem => !(IsOfOneSide(problem) && difference.Explains(problem.Tensor, problem.Code == PlanningException.OnlyInBase))),
            ];
        }

        return new PlanningException(problems, MismatchShare.Of(problems, baseCheckpoint, aligned));
    }

    private static bool IsOfOneSide(PlanProblem problem) => problem.Code is PlanningException.OnlyInAligned or PlanningException.OnlyInBase;
}
