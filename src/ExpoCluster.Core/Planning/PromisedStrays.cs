using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>Tensors that a configuration promises, as layers that predict further tokens or a vision model, and that lie in a file which loaders pass over: they would go without them.</summary>
internal static class PromisedStrays
{
    private const int MaxNamed = 5;

    /// <summary>Settles them as the recipe says.</summary>
    /// <returns>Aligned, with the files whose tensors are to be copied.</returns>
    /// <exception cref="PlanningException">The recipe does not say what becomes of them.</exception>
    public static Checkpoint Settle(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
    {
        PlanProblem[] problems =
        [
            .. ProblemsOf("base", recipe.Base, baseCheckpoint, recipe, work),
            .. ProblemsOf("aligned", recipe.Aligned, aligned, recipe, work),
        ];
        if (problems.Length > 0)
        {
            throw new PlanningException([.. problems]);
        }

        ImmutableArray<StrayWeights> kept =
        [
            .. aligned.Strays.Where(stray => stray.Shard is not null
                && stray.PromisedBy(aligned.Nature.Config, aligned.Tensors.Keys).SelectMany(kind => kind.Tensors).Any(name => recipe.OnMismatch.Of(name, work) == MismatchPolicy.CopyAligned)),
        ];
        return kept.IsEmpty ? aligned : aligned.With(kept);
    }

    private static IEnumerable<PlanProblem> ProblemsOf(string side, string reference, Checkpoint checkpoint, Recipe recipe, PlanningWork work)
    {
        foreach ((StrayWeights stray, string what, ImmutableArray<string> tensors) in
            checkpoint.Strays.SelectMany(stray => stray.PromisedBy(checkpoint.Nature.Config, checkpoint.Tensors.Keys).Select(kind => (stray, kind.What, kind.Tensors))))
        {
            string[] open = [.. tensors.Where(name => recipe.OnMismatch.Of(name, work) is not (MismatchPolicy.CopyAligned or MismatchPolicy.Drop))];
            if (open.Length > 0)
            {
                string promise = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{side} ({Printable.Of(reference)}): config.json promises {what}, and {Printable.Of(stray.FileName)} has {(what.StartsWith('a') ? "it" : "them")}, but {(stray.Only is null ? "the index does not name that file" : stray.Reason)}: {open.Length} tensor{(open.Length == 1 ? "" : "s")}, {Printable.Some(open, MaxNamed)}.");
                yield return new PlanProblem(PlanningException.PromisedStray, "", promise)
                {
                    Tensors = [.. open],
                    Advice = (stray.Only is null ? "add the file's tensors to the index" : "write an index that names both files, and give it as the checkpoint")
                        + ", on both sides, to have them merged; or name them in on_mismatch: copy-aligned takes them from aligned, drop leaves them out.",
                };
            }
        }
    }
}
