using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;

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
                .. problems.Where(problem => !(IsOfOneSide(problem) && (difference.Explains(problem.Tensor, isOfBase: true) || difference.Explains(problem.Tensor, isOfBase: false)))),
            ];
        }

        return new PlanningException(problems, MismatchShare.Of(problems, baseCheckpoint, aligned));
    }

    /// <summary>
    /// What one word for all mismatches would pass over: that the two have the same tensors under other names. Where it is much of the model, what would come
    /// out is no merge; whoever names tensors means them.
    /// </summary>
    /// <returns>Sentences for the user.</returns>
    /// <exception cref="PlanningException">It is much of the model.</exception>
    public static IEnumerable<string> Overlooked(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
    {
        if (!recipe.OnMismatch.PassesOverAnyName || NameDifference.Find(baseCheckpoint.Tensors, aligned.Tensors, work) is not { } difference)
        {
            return [];
        }

        HashSet<string> overlooked = difference.NamesInBaseUnless(name => recipe.OnMismatch.IsNamed(name, work));
        return overlooked.Count == 0 ? []
            : MismatchShare.Of(overlooked, baseCheckpoint) > PlanRemedies.MostUncomputed
            ? throw new PlanningException([PlanProblem.OtherNames(difference)])
            : [$"{difference.Message.TrimEnd('.')}; to merge them, add to the recipe: {difference.ToRecipe()}"];
    }

    private static bool IsOfOneSide(PlanProblem problem) => 
        problem.Code is PlanningException.OnlyInAligned or PlanningException.OnlyInBase or PlanningException.HeadTiedOnOneSide;
}
