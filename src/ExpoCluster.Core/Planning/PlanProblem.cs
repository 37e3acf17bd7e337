using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning;

/// <summary>One reason why two checkpoints cannot be merged as the recipe says.</summary>
public sealed record PlanProblem(string Code, string Tensor, string Message)
{
    /// <summary>What to do; null where that is the same as for other problems of its kind.</summary>
    public string? Advice { get; init; }

    internal static PlanProblem OnlyInAligned(string tensor, Recipe recipe) => new(
        PlanningException.OnlyInAligned, tensor, $"tensor '{Printable.Of(tensor)}' is in aligned ({Printable.Of(recipe.Aligned)}) but not in base ({Printable.Of(recipe.Base)}).");

    internal static PlanProblem OnlyInBase(string tensor, Recipe recipe) => new(
        PlanningException.OnlyInBase, tensor, $"tensor '{Printable.Of(tensor)}' is in base ({Printable.Of(recipe.Base)}) but not in aligned ({Printable.Of(recipe.Aligned)}).");

    internal static PlanProblem ShapesDiffer(CheckpointTensor aligned, CheckpointTensor other) => new(
        PlanningException.ShapesDiffer,
        aligned.Name,
        $"tensor '{Printable.Of(aligned.Name)}' has shape {Shape(aligned)} in aligned and {Shape(other)} in base.");

    internal static PlanProblem DtypesDiffer(CheckpointTensor aligned, CheckpointTensor other) => new(
        PlanningException.DtypesDiffer,
        aligned.Name,
        $"tensor '{Printable.Of(aligned.Name)}' is {aligned.Dtype.Name()} in aligned and {other.Dtype.Name()} in base, which cannot be computed together.");

    /// <summary>A tensor that is copied holds other values in base than in aligned.</summary>
    internal static PlanProblem CopiedTensorDiffers(string tensor, Dtype dtype) => new(
        PlanningException.CopiedTensorsDiffer,
        tensor,
        $"tensor '{Printable.Of(tensor)}' is {dtype.Name()}, which is copied and not extrapolated, but base and aligned hold different values.");

    /// <param name="head">Aligned's output head.</param>
    /// <param name="embedding">Base's embedding.</param>
    /// <param name="recipe">Names the two.</param>
    /// <param name="fits">Whether the head could be extrapolated against the embedding.</param>
    internal static PlanProblem BaseTiesItsHead(CheckpointTensor head, CheckpointTensor embedding, Recipe recipe, bool fits)
    {
        string misfit = fits
            ? ""
            : $", but {embedding.Dtype.Name()} {Shape(embedding)} does not go with {head.Dtype.Name()} {Shape(head)}, so not even 'untie' can help";
        return new PlanProblem(
            PlanningException.HeadTiedOnOneSide,
            head.Name,
            $"the output head '{Printable.Of(head.Name)}' is in aligned ({Printable.Of(recipe.Aligned)}) but not in base ({Printable.Of(recipe.Base)}), which uses its embedding '{Printable.Of(embedding.Name)}' as head (tied embeddings){misfit}.");
    }

    internal static PlanProblem AlignedTiesItsHead(string head, CheckpointTensor embedding, Recipe recipe) => new(
        PlanningException.HeadTiedOnOneSide,
        head,
        $"the output head '{Printable.Of(head)}' is in base ({Printable.Of(recipe.Base)}) but not in aligned ({Printable.Of(recipe.Aligned)}), which uses its embedding '{Printable.Of(embedding.Name)}' as head (tied embeddings); the output would be tied as aligned is, and 'drop' accepts that.");

    internal static PlanProblem TooLittleIsComputed(long uncomputed, long all, ImmutableArray<CopiedKind> kinds) => new(
        PlanningException.TooLittleComputed,
        "",
        $"a word of on_mismatch for all tensors would leave {ByteSize.Format(uncomputed)} of {ByteSize.Format(all)} of aligned's floating-point bytes uncomputed ({Coverage.PercentOf((double)uncomputed / all)}), and may leave 10 % at most. The largest kinds: {Coverage.Describe(kinds)}.")
    {
        Advice = "check that base and aligned belong together: their tensors may differ in a prefix, in shapes or in dtypes. Who means it names these tensors in a recipe's on_mismatch, such as {match: 'visual.*', policy: copy-aligned}.",
    };

    internal static PlanProblem NoCommonRows(CheckpointTensor aligned, CheckpointTensor other) => new(
        PlanningException.NoCommonRows,
        aligned.Name,
        $"tensor '{Printable.Of(aligned.Name)}' has shape {Shape(aligned)} in aligned and {Shape(other)} in base; extrapolate-common-rows is for matrices (embeddings, heads) with as many columns on both sides.");

    private static string Shape(CheckpointTensor tensor) => $"[{string.Join(", ", tensor.Shape)}]";
}
