using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>What the tensors of both checkpoints are called when they are joined: as the recipe says, and without what only training puts there.</summary>
internal static class TensorNaming
{
    /// <exception cref="PlanningException">Two tensors would have one name.</exception>
    /// <exception cref="UsageException">The recipe's globs cost too much.</exception>
    public static (Checkpoint Base, Checkpoint Aligned, ImmutableArray<string> Notes) Apply(
        Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
    {
        var notes = ImmutableArray.CreateBuilder<string>();
        Checkpoint renamedBase = Rename(recipe, RenamedSide.Base, baseCheckpoint, notes, work);
        Checkpoint renamedAligned = Rename(recipe, RenamedSide.Aligned, aligned, notes, work);
        (renamedBase, renamedAligned) = TrainingPrefixes.Strip(renamedBase, renamedAligned, notes);
        return (NormNames.Follow(renamedBase, renamedAligned, notes), renamedAligned, notes.ToImmutable());
    }

    /// <summary>The tensors by their new names; null where two would have one, or one none.</summary>
    /// <param name="checkpoint">Whose tensors.</param>
    /// <param name="nameOf">The new name of an old one.</param>
    /// <param name="clash">The name that several would have, or none.</param>
    public static Dictionary<string, CheckpointTensor>? Map(Checkpoint checkpoint, Func<string, string> nameOf, out string? clash)
    {
        clash = null;
        var renamed = new Dictionary<string, CheckpointTensor>(checkpoint.Tensors.Count, StringComparer.Ordinal);
        foreach (CheckpointTensor tensor in checkpoint.Tensors.Values)
        {
            string name = nameOf(tensor.Name);
            if (name.Length == 0 || !renamed.TryAdd(name, name == tensor.Name ? tensor : tensor with { Name = name }))
            {
                clash = name;
                return null;
            }
        }

        return renamed;
    }

    private static Checkpoint Rename(
        Recipe recipe, RenamedSide side, Checkpoint checkpoint, ImmutableArray<string>.Builder notes, PlanningWork work)
    {
        ImmutableArray<TensorRename> rules = [.. recipe.Renames.Where(rule => rule.In == side)];
        if (rules.IsEmpty)
        {
            return checkpoint;
        }

        int[] uses = new int[rules.Length];
        var names = new Dictionary<string, string>(checkpoint.Tensors.Count, StringComparer.Ordinal);
        foreach (string name in checkpoint.Tensors.Keys)
        {
            names[name] = NewName(rules, name, uses, work);
        }

        Dictionary<string, CheckpointTensor>? renamed = Map(checkpoint, name => names[name], out string? clash);
        if (renamed is null)
        {
            string[] tensors = [.. names.Where(pair => pair.Value == clash).Select(pair => pair.Key).Order(StringComparer.Ordinal)];
            throw new PlanningException([PlanProblem.NameTwice($"{DraftRenames.Word(side)} ({checkpoint.Reference})", tensors, clash!)]);
        }

        notes.AddRange(rules.Select((rule, i) => NoteOn(rule, uses[i])));
        return checkpoint.Renamed(renamed);
    }

    // The first rule that matches counts.
    private static string NewName(ImmutableArray<TensorRename> rules, string name, int[] uses, PlanningWork work)
    {
        long steps = 0;
        string? renamed = null;
        for (int i = 0; i < rules.Length && renamed is null; i++)
        {
            PlanningWork.CheckMatching(rules[i].From.Length, name.Length);
            renamed = rules[i].Apply(name, ref steps);
            uses[i] += renamed is null ? 0 : 1;
        }

        work.SpendMatching(steps);
        return renamed ?? name;
    }

    private static string NoteOn(TensorRename rule, int uses)
    {
        string where = DraftRenames.Word(rule.In);
        string from = Printable.Of(rule.From);
        return uses == 0
            ? $"rename: '{from}' matches no tensor of {where}"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"rename: {uses} tensor{(uses == 1 ? "" : "s")} of {where} renamed, '{from}' to '{Printable.Of(rule.To)}'{(rule.In == RenamedSide.Aligned ? "; the output has the new names" : "")}");
    }
}
