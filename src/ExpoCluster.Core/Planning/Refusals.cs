using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>What two checkpoints are, as far as it keeps them from being merged tensor by tensor: one error for each kind, whatever the word for all tensors says.</summary>
internal sealed class Refusals(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, PlanningWork work)
{
    private const int MaxPatterns = 3;

    private ImmutableArray<(string Side, string Reference, Checkpoint Checkpoint)> Sides =>
        [("base", recipe.Base, baseCheckpoint), ("aligned", recipe.Aligned, aligned)];

    /// <summary>Checks both sides.</summary>
    /// <returns>Names of tensors of such kinds that the recipe names, and that are so copied or left out.</returns>
    /// <exception cref="PlanningException">One side is of such a kind.</exception>
    public ImmutableHashSet<string> Check()
    {
        RefusedKind[] kinds = [.. new[] { Adapters(), Quantised(), Empty(), Experts() }.OfType<RefusedKind>()];
        ILookup<bool, RefusedKind> byNaming = kinds.ToLookup(kind => kind.IsNamedBy(recipe, work));
        return byNaming[false].Any()
            ? throw new PlanningException([.. byNaming[false].Select(kind => kind.Problem)])
            : [.. byNaming[true].SelectMany(kind => kind.Tensors)];
    }

    private RefusedKind? Adapters()
    {
        (string Words, AdapterFacts Adapter)[] found =
        [
            .. Sides.Where(side => side.Checkpoint.Nature.Adapter is not null)
                .Select(side => (Describe(side.Side, side.Reference, side.Checkpoint.Nature.Adapter!), side.Checkpoint.Nature.Adapter!)),
        ];
        if (found.Length == 0)
        {
            return null;
        }

        string rest = found.Length == 1 ? "; the other side is a model" : "";
        return new RefusedKind(
            new PlanProblem(
                PlanningException.IsAdapter,
                "",
                $"{string.Join("; ", found.Select(row => row.Words))}{rest}. The factors of an adapter are no weights: extrapolated each by itself they give another model.")
            {
                Advice = "merge each adapter into the model that it is based on (PEFT: merge_and_unload, then save_pretrained), and give these models.",
            },
            [.. found.SelectMany(row => row.Adapter.Tensors).Distinct(StringComparer.Ordinal)]);
    }

    private static string Describe(string side, string reference, AdapterFacts adapter)
    {
        string basedOn = adapter.BasedOn is { } model ? $" based on {Printable.Of(model)}" : "";
        string what = adapter.IsWhole ? $"is an adapter ({Printable.Of(adapter.Kind)}){basedOn}, not a model" : $"holds an adapter ({Printable.Of(adapter.Kind)}){basedOn} among its weights";
        return $"{side} ({Printable.Of(reference)}) {what}: {Tensors(adapter.Tensors)}";
    }

    private RefusedKind? Quantised()
    {
        (string Side, string Reference, CheckpointNature Nature, ImmutableArray<QuantisedFormat> Formats)[] sides =
        [
            ("base", recipe.Base, baseCheckpoint.Nature, FormatsOf(baseCheckpoint, aligned)),
            ("aligned", recipe.Aligned, aligned.Nature, FormatsOf(aligned, baseCheckpoint)),
        ];
        var found = sides.Where(side => !side.Formats.IsEmpty).ToArray();
        if (found.Length == 0)
        {
            return null;
        }

        string words = string.Join("; ", found.Select(side => $"{side.Side} ({Printable.Of(side.Reference)}) is quantised: {Describe(side.Nature, side.Formats)}"));
        return new RefusedKind(
            new PlanProblem(
                PlanningException.IsQuantised,
                "",
                $"{words}{(found.Length == 1 ? "; the other side is plain" : "")}. A weight is its code and its scale together, which this version does not compute with.")
            {
                Advice = "merge the models in BF16, F16 or F32 that these were made from, or dequantise both, and quantise the result.",
            },
            [.. found.SelectMany(side => side.Formats).SelectMany(format => format.Tensors).Distinct(StringComparer.Ordinal)]);
    }

    // What integers as wide as those of indices are, or vectors of them, the configuration alone tells; if they differ, they are not indices of one architecture.
    private ImmutableArray<QuantisedFormat> FormatsOf(Checkpoint own, Checkpoint other)
    {
        ImmutableArray<QuantisedFormat> formats =
            [.. own.Nature.Quantised, .. own.Nature.Suspected.Where(format => !format.Weights.All(name => IsAlike(own, own.Tensors[name], other)))];
        if (!formats.IsEmpty || own.Nature.MethodOfCodes is not { } method)
        {
            return formats;
        }

        ImmutableArray<string> codes =
        [
            .. own.Tensors.Values.Where(tensor => QuantisedTensors.MayBeCodesOfAnyShape(tensor) && !IsAlike(own, tensor, other))
                .Select(tensor => tensor.Name).Order(StringComparer.Ordinal),
        ];
        return codes.IsEmpty ? [] : [new QuantisedFormat(method, codes, [], [])];
    }

    private bool IsAlike(Checkpoint own, CheckpointTensor tensor, Checkpoint other) =>
        other.Tensors.GetValueOrDefault(tensor.Name) is { } counterpart && CopiedTensorComparison.AreAlike(own, tensor, other, counterpart, work);

    private static string Describe(CheckpointNature nature, ImmutableArray<QuantisedFormat> formats)
    {
        string config = nature.QuantisationMethod is { } method ? $" (quantization_config: {Printable.Of(method)})" : "";
        return string.Join(" and ", formats.Select(format => string.Create(
            CultureInfo.InvariantCulture,
            $"{Printable.Of(format.Name)}, {Count(format.Weights.Length, "weight")} and {Count(format.Scales.Length, "scale")}, {Patterns(format.Weights)}"))) + config;
    }

    private RefusedKind? Empty()
    {
        (string Side, string Reference, ImmutableArray<string> Names)[] found =
        [
            .. new[]
            {
                ("base", recipe.Base, EmptyWeightsOf(baseCheckpoint, aligned)),
                ("aligned", recipe.Aligned, EmptyWeightsOf(aligned, baseCheckpoint)),
            }.Where(side => !side.Item3.IsEmpty),
        ];
        if (found.Length == 0)
        {
            return null;
        }

        return new RefusedKind(
            new PlanProblem(
                PlanningException.WithoutElements,
                "",
                $"weights without elements: {string.Join("; ", found.Select(side => $"{side.Side} ({Printable.Of(side.Reference)}) has {Tensors(side.Names)}"))}. Most often DeepSpeed ZeRO-3 had not gathered them when the model was saved.")
            {
                Advice = "save the model again with stage3_gather_16bit_weights_on_model_save, or make it of the training checkpoint with zero_to_fp32.py.",
            },
            [.. found.SelectMany(side => side.Names).Distinct(StringComparer.Ordinal)]);
    }

    // A matrix that has columns and no rows is a vocabulary before its first word, if the recipe says that rows may be missing.
    private ImmutableArray<string> EmptyWeightsOf(Checkpoint own, Checkpoint other) =>
    [
        .. EmptyTensors.WeightsOf(own.Tensors, other.Tensors).Where(name => recipe.OnMismatch.Of(name, work) != MismatchPolicy.ExtrapolateCommonRows
            || own.Tensors[name].Shape is not [0, var columns] || other.Tensors.GetValueOrDefault(name)?.Shape is not [_, var others] || columns != others),
    ];

    private RefusedKind? Experts()
    {
        ExpertLayout inAligned = aligned.Nature.Experts.FusedAgainst(baseCheckpoint.Nature.Experts);
        ExpertLayout inBase = baseCheckpoint.Nature.Experts.FusedAgainst(aligned.Nature.Experts);
        bool isFusedInAligned = !inAligned.Fused.IsEmpty;
        (ImmutableArray<string> fused, ImmutableArray<string> single) = isFusedInAligned ? inAligned : inBase;
        if (fused.IsEmpty)
        {
            return null;
        }

        (string one, string other) = isFusedInAligned ? ("aligned", "base") : ("base", "aligned");
        return new RefusedKind(
            new PlanProblem(
                PlanningException.ExpertsFused,
                "",
                $"{one} holds the experts of a layer in one {(fused.All(ExpertLayout.IsGrouped) ? "module" : "tensor")} ({Tensors(fused)}), {other} has a {(fused.All(ExpertLayout.IsGrouped) ? "module" : "tensor")} for each expert ({Tensors(single)}): the same weights, stored by different versions of {(fused.All(ExpertLayout.IsGrouped) ? "Megatron" : "transformers")}.")
            {
                Advice = fused.All(ExpertLayout.IsGrouped) ? "convert both to the model's version for transformers with the same version of Megatron, then merge." : "load one of the two and save it again with the version of transformers that saved the other (5 fuses experts, 4 does not), then merge.",
            },
            [.. fused, .. single]);
    }

    /// <summary>How many tensors, and the patterns of their names.</summary>
    internal static string Tensors(ImmutableArray<string> names) => $"{Count(names.Length, "tensor")}, {Patterns(names)}";

    private static string Patterns(ImmutableArray<string> names)
    {
        (string Pattern, int Count)[] patterns = [.. TensorNames.PatternsOf(names)];
        string named = string.Join(", ", patterns.Take(MaxPatterns).Select(row => row.Count == 1
            ? Printable.Of(row.Pattern)
            : string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(row.Pattern)} ({row.Count})")));
        return patterns.Length <= MaxPatterns ? named : string.Create(CultureInfo.InvariantCulture, $"{named} and {patterns.Length - MaxPatterns} more kinds");
    }

    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");
}
