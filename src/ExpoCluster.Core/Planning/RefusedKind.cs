using System.Collections.Immutable;
using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Planning;

/// <summary>Tensors that cannot be merged one by one as they are, and that only a recipe which names each of them may have copied or left out.</summary>
/// <param name="Problem">One for all of them.</param>
/// <param name="Tensors">Their names, of both sides.</param>
internal sealed record RefusedKind(PlanProblem Problem, ImmutableArray<string> Tensors)
{
    /// <summary>The recipe names every one of them, with one and the same word: codes that were kept without their scales would be another model.</summary>
    public bool IsNamedBy(Recipe recipe, PlanningWork work)
    {
        MismatchPolicy? word = null;
        foreach (string tensor in Tensors)
        {
            MismatchPolicy? named = recipe.OnMismatch.Named(tensor, work);
            if (named is not (MismatchPolicy.CopyAligned or MismatchPolicy.Drop) || (word ?? named) != named)
            {
                return false;
            }

            word = named;
        }

        return true;
    }
}
