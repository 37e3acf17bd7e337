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
                .. problems.Where(problem => !(IsOfOneSide(problem) && (IsExplained(problem.Tensor) || (problem.Original is { } original && IsExplained(original))))),
            ];

            // Of a head whose embedding has another name nothing can be said before both have one.
            bool IsExplained(string tensor) => difference.Explains(tensor, isOfBase: true) || difference.Explains(tensor, isOfBase: false);
        }
        else if (problems.Any(IsOfOneSide)
            && (UnmergedBase("base", baseCheckpoint, aligned) ?? UnmergedBase("aligned", aligned, baseCheckpoint) ?? NameDifference.FindSeveral(baseCheckpoint.Tensors, aligned.Tensors, work)) is { } names)
        {
            HashSet<string> explained = new(names.Tensors.Concat(names.Tensors.Select(WithoutBaseLayer)), StringComparer.Ordinal);
            problems = [names, .. problems.Where(problem => !(IsOfOneSide(problem) && explained.Contains(problem.Tensor)))];
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

    // PEFT calls so what an adapter changes; where the other side has the tensor without that word, its adapter is gone.
    private static PlanProblem? UnmergedBase(string side, Checkpoint own, Checkpoint other)
    {
        ImmutableArray<string> names =
        [
            .. own.Tensors.Keys.Where(name => WithoutBaseLayer(name) is var plain && plain != name && !own.Tensors.ContainsKey(plain) && other.Tensors.ContainsKey(plain)).Order(StringComparer.Ordinal),
        ];
        return names.IsEmpty ? null : PlanProblem.UnmergedBase(side, names);
    }

    private static string WithoutBaseLayer(string name) => name.Replace(".base_layer.", ".", StringComparison.Ordinal);

    private static bool IsOfOneSide(PlanProblem problem) =>
        problem.Code is PlanningException.OnlyInAligned or PlanningException.OnlyInBase or PlanningException.HeadTiedOnOneSide;
}
