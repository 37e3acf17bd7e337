using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Planning;

/// <summary>Joins the tensors of two checkpoints by name and decides for each how its output comes about.</summary>
internal sealed class TensorJoin(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, Planner.InputList inputs)
{
    private readonly LayerDepths depths = new(aligned.Tensors.Keys);
    private readonly List<PlanProblem> problems = [];
    private readonly List<string> takenFromAligned = [];
    private readonly List<string> dropped = [];
    private readonly List<string> droppedBuffers = [];
    private readonly List<string> missingInAligned = [];

    /// <summary>Filled by <see cref="Run"/>.</summary>
    public IEnumerable<string> Notes =>
    [
        .. Note(droppedBuffers, "left out, for they are derived from the configuration"),
        .. Note(takenFromAligned, "taken from aligned as they are"),
        .. Note(dropped, "left out, for base and aligned do not match"),
        .. Note(missingInAligned, "not in the output, for only base has them"),
        .. IdlePatterns().Select(pattern => $"alpha: '{pattern}' decides about no tensor"),
    ];

    /// <summary>The output's tensors, with offsets still to be assigned, ordered by name.</summary>
    public ImmutableArray<PlannedTensor> Run()
    {
        var planned = ImmutableArray.CreateBuilder<PlannedTensor>(aligned.Tensors.Count);
        foreach (CheckpointTensor tensor in aligned.Tensors.Values.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            if (Join(tensor) is { } output)
            {
                planned.Add(output);
            }
        }

        NoteTensorsOnlyInBase();
        if (problems.Count > 0)
        {
            throw new PlanningException([.. problems]);
        }

        return planned.Count > 0
            ? planned.ToImmutable()
            : throw new PlanningException([new PlanProblem(
                PlanningException.NothingToMerge, "", $"{recipe.Base} and {recipe.Aligned}: no tensor is left to merge.")]);
    }

    // Most often a slip of the pen, which would otherwise show in nothing but the weights.
    private IEnumerable<string> IdlePatterns()
    {
        if (recipe.Alpha is not AlphaRule.ByPattern { Patterns: var patterns })
        {
            return [];
        }

        HashSet<TensorPattern<double>?> deciding = new(aligned.Tensors.Keys.Select(patterns.Find), ReferenceEqualityComparer.Instance);
        return patterns.Entries.Where(entry => !deciding.Contains(entry)).Select(entry => entry.Match);
    }

    private PlannedTensor? Join(CheckpointTensor tensor)
    {
        if (Planner.IsKnownBuffer(tensor.Name))
        {
            droppedBuffers.Add(tensor.Name);
            return null;
        }

        if (!baseCheckpoint.Tensors.TryGetValue(tensor.Name, out CheckpointTensor? other))
        {
            return Mismatch(
                tensor, PlanningException.OnlyInAligned, $"tensor '{tensor.Name}' is in aligned ({recipe.Aligned}) but not in base ({recipe.Base}).");
        }

        if (!tensor.Shape.SequenceEqual(other.Shape))
        {
            return Mismatch(
                tensor,
                PlanningException.ShapesDiffer,
                $"tensor '{tensor.Name}' has shape {Shape(tensor)} in aligned and {Shape(other)} in base.");
        }

        if (tensor.Dtype.IsArithmetic() && other.Dtype.IsArithmetic())
        {
            return Extrapolate(tensor, other);
        }

        return tensor.Dtype == other.Dtype
            ? CopyEqual(tensor, other)
            : Mismatch(
                tensor,
                PlanningException.DtypesDiffer,
                $"tensor '{tensor.Name}' is {tensor.Dtype.Name()} in aligned and {other.Dtype.Name()} in base, which cannot be computed together.");
    }

    private PlannedTensor Extrapolate(CheckpointTensor tensor, CheckpointTensor other)
    {
        Dtype output = recipe.Numerics == Numerics.Official ? Dtype.BF16 : recipe.OutputDtype ?? tensor.Dtype;
        if (recipe.Numerics == Numerics.Stochastic && output == Dtype.F16)
        {
            throw new UsageException(RecipeProblems.StochasticIsNotF16(tensor.Name));
        }

        return Output(tensor, output, TensorAction.Extrapolate, AlphaOf(tensor), other);
    }

    private double AlphaOf(CheckpointTensor tensor) =>
        recipe.Alpha.Of(tensor.Name, depths) ?? throw new UsageException(RecipeProblems.NoAlphaFor(tensor.Name));

    // Small ones are compared here, so that a mismatch is known before any work; large ones when their part is computed,
    // unless the plan itself depends on it.
    private PlannedTensor? CopyEqual(CheckpointTensor tensor, CheckpointTensor other)
    {
        bool isLeftToItsPart = tensor.ByteCount > CopiedTensorComparison.MaxPlannedBytes && recipe.OnMismatch != MismatchPolicy.Drop;
        if (isLeftToItsPart
            || CopiedTensorComparison.AreEqual(aligned.Shards[tensor.Shard], tensor, baseCheckpoint.Shards[other.Shard], other))
        {
            return recipe.OnMismatch == MismatchPolicy.CopyAligned
                ? Output(tensor, tensor.Dtype, TensorAction.CopyAligned, alpha: 0, other: null)
                : Output(tensor, tensor.Dtype, TensorAction.CopyEqual, alpha: 0, other);
        }

        return Mismatch(tensor, PlanProblem.CopiedTensorDiffers(tensor.Name, tensor.Dtype));
    }

    private PlannedTensor? Mismatch(CheckpointTensor tensor, string code, string message) =>
        Mismatch(tensor, new PlanProblem(code, tensor.Name, message));

    private PlannedTensor? Mismatch(CheckpointTensor tensor, PlanProblem problem)
    {
        switch (recipe.OnMismatch)
        {
            case MismatchPolicy.CopyAligned:
                takenFromAligned.Add(tensor.Name);
                return Output(tensor, tensor.Dtype, TensorAction.CopyAligned, alpha: 0, other: null);
            case MismatchPolicy.Drop:
                dropped.Add(tensor.Name);
                return null;
            default:
                problems.Add(problem);
                return null;
        }
    }

    private PlannedTensor Output(
        CheckpointTensor tensor, Dtype output, TensorAction action, double alpha, CheckpointTensor? other)
    {
        var entry = new SafetensorsTensor(tensor.Name, output, tensor.Shape, Begin: 0, End: 0);
        return new PlannedTensor(
            entry,
            action,
            alpha,
            inputs.SourceOf(aligned, tensor),
            other is null ? null : inputs.SourceOf(baseCheckpoint, other));
    }

    private void NoteTensorsOnlyInBase()
    {
        foreach (string name in baseCheckpoint.Tensors.Keys.Where(name => !aligned.Tensors.ContainsKey(name)).Order(StringComparer.Ordinal))
        {
            if (Planner.IsKnownBuffer(name))
            {
                droppedBuffers.Add(name);
            }
            else if (recipe.OnMismatch == MismatchPolicy.Error)
            {
                problems.Add(new PlanProblem(
                    PlanningException.OnlyInBase, name, $"tensor '{name}' is in base ({recipe.Base}) but not in aligned ({recipe.Aligned})."));
            }
            else
            {
                missingInAligned.Add(name);
            }
        }
    }

    private static string Shape(CheckpointTensor tensor) => $"[{string.Join(", ", tensor.Shape)}]";

    private static IEnumerable<string> Note(List<string> names, string what)
    {
        const int shown = 12;
        if (names.Count > 0)
        {
            string more = names.Count > shown ? $" and {names.Count - shown} more" : "";
            yield return $"{names.Count} tensor{(names.Count == 1 ? "" : "s")} {what}: {string.Join(", ", names.Take(shown))}{more}";
        }
    }
}
