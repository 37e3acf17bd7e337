using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Planning;

/// <summary>One reason why two checkpoints cannot be merged as the recipe says.</summary>
/// <param name="Code">For example <c>EXPO1201</c>.</param>
/// <param name="Tensor">Its name; empty where it is about no single tensor.</param>
/// <param name="Message">A whole sentence about this tensor.</param>
public sealed record PlanProblem(string Code, string Tensor, string Message)
{
    /// <summary>The names of all, where it is about several; default where it is about <see cref="Tensor"/>.</summary>
    public ImmutableArray<string> Tensors { get; init; }

    /// <summary>What is said of several tensors at once, as in <c>are in aligned but not in base</c>; null for what is said of each alone.</summary>
    public string? OfMany { get; init; }

    /// <summary>What is said beside this tensor's name where many are listed.</summary>
    public string Detail { get; init; } = "";

    /// <summary>The embedding that stands for <see cref="Tensor"/> on the side that has it not; null where it is no head.</summary>
    internal string? Original { get; init; }

    /// <summary>What helps.</summary>
    public PlanRemedy Remedy { get; init; }

    /// <summary>What to do, where no <see cref="Remedy"/> says it; null where one does.</summary>
    public string? Advice { get; init; }

    /// <summary>One side's index names a tensor that none of its files holds, and the other side has it.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="recipe">Names the two.</param>
    /// <param name="isInBase">Base has it.</param>
    internal static PlanProblem NamedByIndexAlone(string tensor, Recipe recipe, bool isInBase)
    {
        (string code, string side, string reference, string other) = isInBase
            ? (PlanningException.OnlyInBase, "aligned", recipe.Aligned, "base") : (PlanningException.OnlyInAligned, "base", recipe.Base, "aligned");
        string what = $"in {other}, and the index of {side} ({Printable.Of(reference)}) names {{0}}, but no file there holds {{0}}";
        return new PlanProblem(code, tensor, $"tensor '{Printable.Of(tensor)}' is {what.Replace("{0}", "it", StringComparison.Ordinal)}.")
        {
            OfMany = $"are {what.Replace("{0}", "them", StringComparison.Ordinal)}",
            Advice = $"download {side} again, its index too: its files are not of one piece. If it is as it should be, correct the index.",
        };
    }

    internal static PlanProblem OnlyInAligned(string tensor, Recipe recipe) => OnlyInOne(
        PlanningException.OnlyInAligned, tensor, $"in aligned ({Printable.Of(recipe.Aligned)}) but not in base ({Printable.Of(recipe.Base)})");

    internal static PlanProblem OnlyInBase(string tensor, Recipe recipe) => OnlyInOne(
        PlanningException.OnlyInBase, tensor, $"in base ({Printable.Of(recipe.Base)}) but not in aligned ({Printable.Of(recipe.Aligned)})");

    internal static PlanProblem ShapesDiffer(CheckpointTensor aligned, CheckpointTensor other) => new(
        PlanningException.ShapesDiffer,
        aligned.Name,
        $"tensor '{Printable.Of(aligned.Name)}' has shape {aligned.ShapeText} in aligned and {other.ShapeText} in base{(AreTransposed(aligned, other) ? ": it looks transposed" : "")}.")
    {
        OfMany = AreTransposed(aligned, other) ? "are transposed: their last two extents are exchanged in aligned and base" : "have other shapes in aligned than in base",
        Detail = $"{aligned.ShapeText} and {other.ShapeText}",
        Advice = AreTransposed(aligned, other) ? TransposedAdvice : null,
        Remedy = HaveCommonRows(aligned, other) ? PlanRemedy.CommonRows : PlanRemedy.TakeOrDrop,
    };

    internal static PlanProblem DtypesDiffer(CheckpointTensor aligned, CheckpointTensor other) => new(
        PlanningException.DtypesDiffer,
        aligned.Name,
        $"tensor '{Printable.Of(aligned.Name)}' is {aligned.Dtype.Name()} in aligned and {other.Dtype.Name()} in base, which cannot be computed together.")
    {
        OfMany = "have dtypes in aligned and in base that cannot be computed together",
        Detail = $"{aligned.Dtype.Name()} and {other.Dtype.Name()}",
        Remedy = QuantisedTensors.MayBeCodes(aligned) || QuantisedTensors.MayBeCodes(other) ? PlanRemedy.PlainNumbers : PlanRemedy.TakeOrDrop,
    };

    /// <summary>A tensor that is copied holds other values in base than in aligned.</summary>
    internal static PlanProblem CopiedTensorDiffers(string tensor, Dtype dtype, ImmutableArray<long> shape) => new(
        PlanningException.CopiedTensorsDiffer,
        tensor,
        $"tensor '{Printable.Of(tensor)}' is {dtype.Name()}, which is copied and not extrapolated, but base and aligned hold different values.")
    {
        OfMany = "are of dtypes that are copied and not extrapolated, but base and aligned hold different values",
        Detail = dtype.Name(),
        Remedy = QuantisedTensors.MayBeCodes(tensor, dtype, shape) ? PlanRemedy.PlainNumbers : PlanRemedy.TakeOrDrop,
    };

    /// <param name="head">Aligned's output head.</param>
    /// <param name="embedding">Base's embedding.</param>
    /// <param name="recipe">Names the two.</param>
    /// <param name="fits">Whether the head could be extrapolated against the embedding.</param>
    /// <param name="isTiedInAligned">Aligned's configuration says that its head is its embedding.</param>
    /// <param name="isCopyInAligned">Aligned's head has the bytes of its embedding.</param>
    internal static PlanProblem BaseTiesItsHead(CheckpointTensor head, CheckpointTensor embedding, Recipe recipe, bool fits, bool isTiedInAligned, bool isCopyInAligned)
    {
        (string what, string original, string use) = TiedHeads.MayBeHead(head.Name) ? ("output head", "embedding", "head") : ("tensor", "tensor", "both");
        string misfit = fits
            ? ""
            : $", but {embedding.Dtype.Name()} {embedding.ShapeText} does not go with {head.Dtype.Name()} {head.ShapeText}, so not even 'untie' can help";
        return new PlanProblem(
            PlanningException.HeadTiedOnOneSide,
            head.Name,
            $"the {what} '{Printable.Of(head.Name)}' is in aligned ({Printable.Of(recipe.Aligned)}) but not in base ({Printable.Of(recipe.Base)}), which uses its {original} '{Printable.Of(embedding.Name)}' as {use} (tied embeddings){misfit}.")
        {
            Original = embedding.Name,
            Remedy = fits ? PlanRemedy.Untie : PlanRemedy.TakeOrDrop,
            Advice = isCopyInAligned ? CopyAdvice : isTiedInAligned ? TiedAdvice(head.Name, fits) : null,
        };
    }

    private const string CopyAdvice =
        "--on-mismatch untie extrapolates it as the embedding, whose bytes it has in aligned; taken from aligned as it is, it would not be that of the merged embedding.";

    // A head that is copied into a model which ties is dropped by loaders, or stands beside an embedding that has moved on.
    private static string TiedAdvice(string head, bool fits) =>
        "aligned's config.json says that they are tied, though aligned stores another tensor than its embedding, and loaders drop that one."
        + $" If that is meant, leave it out: on_mismatch: [{{match: '{Printable.Of(head)}', policy: drop}}]."
        + (fits ? " If aligned's own is meant, --on-mismatch untie extrapolates it, and the output's config.json says that it is not tied." : " If aligned's own is meant, correct tie_word_embeddings there first.");

    internal static PlanProblem AlignedTiesItsHead(string head, CheckpointTensor embedding, Recipe recipe) => new(
        PlanningException.HeadTiedOnOneSide,
        head,
        $"the output head '{Printable.Of(head)}' is in base ({Printable.Of(recipe.Base)}) but not in aligned ({Printable.Of(recipe.Aligned)}), which uses its embedding '{Printable.Of(embedding.Name)}' as head (tied embeddings); the output would be tied as aligned is, and 'drop' accepts that.")
    {
        Original = embedding.Name,
        Remedy = PlanRemedy.StayTied,
    };

    internal static PlanProblem TooLittleIsComputed(long uncomputed, long all, string side, ImmutableArray<CopiedKind> kinds, bool hasIntegers) => new(
        PlanningException.TooLittleComputed,
        "",
        $"a word of on_mismatch for all tensors would leave {ByteSize.Format(uncomputed)} of {ByteSize.Format(all)} of {side}'s {(hasIntegers ? "floating-point bytes and integers that differ" : "floating-point bytes")} uncomputed ({Coverage.PercentOf((double)uncomputed / all)}), and may leave 10 % at most. The largest kinds: {Coverage.Describe(kinds)}.")
    {
        Advice = hasIntegers
            ? PlainNumbersAdvice
            : "check that base and aligned belong together: their tensors may differ in a prefix, in shapes or in dtypes. If this is intended, name these tensors in a recipe's on_mismatch, for example {match: 'visual.*', policy: copy-aligned}.",
    };

    private const string PlainNumbersAdvice =
        "give checkpoints of plain numbers (BF16, F16 or F32). Weights that are stored as integers are codes, compressed, or BF16 that went through a library without it and was saved as U16: save the model as what it is.";

    /// <summary>Both hold data, and none of it is of a dtype that is computed.</summary>
    /// <param name="held">Tensors of aligned.</param>
    /// <param name="kinds">The same by their names.</param>
    internal static PlanProblem NothingIsComputed(IEnumerable<CheckpointTensor> held, ImmutableArray<CopiedKind> kinds) => new(
        PlanningException.TooLittleComputed,
        "",
        $"nothing would be computed: base and aligned have no tensor in common that is of plain numbers on both sides. Aligned holds {string.Join(", ", held.Select(tensor => tensor.Dtype).Distinct().Order().Select(dtype => dtype.Name()))}: {Coverage.Describe(kinds)}.")
    {
        Advice = PlainNumbersAdvice,
    };

    internal static PlanProblem NoCommonRows(CheckpointTensor aligned, CheckpointTensor other) => new(
        PlanningException.NoCommonRows,
        aligned.Name,
        $"tensor '{Printable.Of(aligned.Name)}' has shape {aligned.ShapeText} in aligned and {other.ShapeText} in base; extrapolate-common-rows is for matrices (embeddings, heads) with as many columns on both sides.")
    {
        OfMany = "have other shapes in aligned than in base; extrapolate-common-rows is for matrices (embeddings, heads) with as many columns on both sides",
        Detail = $"{aligned.ShapeText} and {other.ShapeText}",
    };

    /// <summary>Two tensors of one checkpoint would have one name, or one none.</summary>
    /// <param name="side">The checkpoint, as <c>base (path)</c>.</param>
    /// <param name="tensors">The names that they have in it.</param>
    /// <param name="name">The one that they would have.</param>
    internal static PlanProblem NameTwice(string side, IReadOnlyCollection<string> tensors, string name) => new(
        PlanningException.NameTwice,
        name,
        $"rename would call {Printable.SomeQuoted(tensors, 3)} of {Printable.Of(side)} '{Printable.Of(name)}'; each tensor needs a name of its own.")
    {
        OfMany = $"of {Printable.Of(side)} would come about several times by rename, or have no name",
        Advice = "make 'from' longer, or put the entry for the other tensors first: of several that match, the first one counts.",
    };

    /// <summary>The two have the same tensors under names that differ by a pattern.</summary>
    internal static PlanProblem OtherNames(NameDifference difference) => new(PlanningException.OtherNames, "", difference.Message)
    {
        Tensors = difference.NamesInBase,
        Advice = $"add to the recipe: {difference.ToRecipe()}",
    };

    /// <summary>Tensors of one side may each be several of the other.</summary>
    /// <param name="sides">The one and the other, as <c>base</c>.</param>
    /// <param name="count">How many tensors of the one.</param>
    /// <param name="names">Of both sides.</param>
    /// <param name="ways">How the names differ.</param>
    internal static PlanProblem SeveralNames((string One, string Other) sides, int count, ImmutableArray<string> names, string ways) => new(
        PlanningException.OtherNames,
        "",
        $"{count} of {sides.One}'s tensors may be several of {sides.Other}'s each, and the names do not tell which: {ways}.")
    {
        Tensors = names,
        Advice = $"{sides.Other} may hold several models: save the one that is meant by itself, and give that. Or say in the recipe which it is: a rename in {sides.Other} for its names, and drop in on_mismatch for those of the others.",
    };

    /// <summary>Weights of one side stand beside an adapter that is not there.</summary>
    /// <param name="side">The one, as <c>aligned</c>.</param>
    /// <param name="tensors">Their names.</param>
    internal static PlanProblem UnmergedBase(string side, ImmutableArray<string> tensors) => new(
        PlanningException.OtherNames,
        "",
        $"{tensors.Length} tensor{(tensors.Length == 1 ? "" : "s")} of {side} have PEFT's 'base_layer' in their names: they are weights beside an adapter that is not merged into them, and without it the model from before training ({Printable.Of(tensors[0])}).")
    {
        Tensors = tensors,
        Advice = "merge the adapter into the model (PEFT: merge_and_unload, then save_pretrained), and give that.",
    };

    /// <param name="recipe">Names the two.</param>
    internal static PlanProblem NothingToMerge(Recipe recipe) => new(
        PlanningException.NothingToMerge,
        "",
        $"{Printable.Of(recipe.Base)} and {Printable.Of(recipe.Aligned)}: no tensor is left to merge.")
    {
        Remedy = PlanRemedy.OtherCheckpoints,
    };

    private static PlanProblem OnlyInOne(string code, string tensor, string where) =>
        new(code, tensor, $"tensor '{Printable.Of(tensor)}' is {where}.") { OfMany = $"are {where}" };

    private const string TransposedAdvice =
        "versions and families differ in how they store such weights: load one of the two with the version that saved the other, and save it again, so that both store them alike.";

    private static bool AreTransposed(CheckpointTensor one, CheckpointTensor other) => one.Shape.Length >= 2 && one.Shape.Length == other.Shape.Length
        && one.Shape[^1] == other.Shape[^2] && one.Shape[^2] == other.Shape[^1] && one.Shape[^1] != one.Shape[^2] && one.Shape.AsSpan()[..^2].SequenceEqual(other.Shape.AsSpan()[..^2]);

    private static bool HaveCommonRows(CheckpointTensor aligned, CheckpointTensor other) =>
        aligned.Dtype.IsArithmetic() && other.Dtype.IsArithmetic()
        && aligned.Shape is [_, var columns] && other.Shape is [_, var otherColumns] && columns == otherColumns && !IsOfLabels(aligned.Name);

    // Rows of a classifier are labels: the first of one side is not the first of the other.
    private static bool IsOfLabels(string name) => TensorNames.OwnerOf(name).Split('.')[^1] is "score" or "classifier" or "classification_head" or "v_head" or "value_head" or "reward_head"
        or "regression_head" or "summary" or "logits_proj" or "qa_outputs" or "seq_relationship";
}
