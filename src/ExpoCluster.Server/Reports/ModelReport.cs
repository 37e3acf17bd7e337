using System.Collections.Immutable;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Reports;

/// <summary>What a merge made of one model, by layer and kind of tensor, from the record beside it.</summary>
/// <remarks>Every text in it can be shown as it is, for a record may come from anybody.</remarks>
public sealed record ModelReport
{
    // The maps have a cell for each kind in each layer; models have some thirty kinds and two hundred layers.
    private const int MaxLayers = 1000;

    /// <summary>Of the output directory, or of the recipe.</summary>
    public required string Name { get; init; }

    public required string Directory { get; init; }

    public required string Base { get; init; }

    public required string Aligned { get; init; }

    public required string Numerics { get; init; }

    public required string Tool { get; init; }

    public required string PlanDigest { get; init; }

    public required long Bytes { get; init; }

    public required int Files { get; init; }

    public required ProvenanceSums Total { get; init; }

    /// <summary>Null where nothing changed.</summary>
    public required double? AskedAlpha { get; init; }

    /// <summary>How much of the output was computed, in words; null where its record does not say.</summary>
    public string? Coverage { get; init; }

    /// <summary>Names and figures of tensors with results that are not finite, as a phrase; null where all are.</summary>
    public required string? NotFinite { get; init; }

    /// <summary>In the order of the model.</summary>
    public required ImmutableArray<TensorKind> Kinds { get; init; }

    /// <summary>How many tensors changed how much.</summary>
    public required ChangeDistribution Distribution { get; init; }

    /// <summary>Layer numbers, ascending; empty for a model without layers. Of more than anybody would look at only the first.</summary>
    public ImmutableArray<int> Layers => [.. Kinds.SelectMany(kind => kind.ByLayer.Keys).Distinct().Order().Take(MaxLayers)];

    /// <summary>Null where nothing was measured (version 0.1).</summary>
    public static ModelReport? Of(Provenance record, string directory)
    {
        if (record.Statistics is not { } statistics)
        {
            return null;
        }

        Recipe recipe = RecipeOf(record, directory);
        return new ModelReport
        {
            Name = Printable.Of(recipe.Name ?? NameOf(directory)),
            Directory = Printable.Line(directory),
            Base = Printable.Of(recipe.Base),
            Aligned = Printable.Of(recipe.Aligned),
            Numerics = recipe.Numerics.Word(),
            Tool = Printable.Of(record.Tool),
            PlanDigest = Printable.Of(record.PlanDigest),
            Bytes = record.Files.Sum(file => file.Bytes),
            Files = record.Files.Length,
            Total = statistics.Total,
            AskedAlpha = statistics.AskedAlpha,
            NotFinite = NotFiniteTensors.Of(statistics.Tensors)?.Describe(),
            Coverage = record is { Merged: { } merged, Copied: { } copied } ? CoverageText.Of(CoverageFacts.Of(merged)!, CoverageFacts.Of(copied)!) : null,
            Kinds = TensorKind.Group(statistics.Tensors),
            Distribution = ChangeDistribution.Of(statistics.Tensors),
        };
    }

    private static Recipe RecipeOf(Provenance record, string directory)
    {
        try
        {
            return Recipe.FromCanonicalJson(record.Recipe.ToJsonString());
        }
        catch (FormatException)
        {
            throw ProvenanceException.NotOfAMerge(new OutputPaths(directory).Provenance, "its recipe is none");
        }
    }

    // An output of a sweep is called after its alpha, and lies in the directory that was asked for.
    private static string NameOf(string directory) =>
        Path.GetFileName(directory) is var name && name.StartsWith("alpha-", StringComparison.Ordinal) && Path.GetDirectoryName(directory) is { Length: > 1 } parent
            ? Path.GetFileName(parent)
            : Path.GetFileName(directory);
}

/// <summary>All tensors of one kind.</summary>
/// <param name="Name">For example <c>self_attn.q_proj</c>.</param>
/// <param name="Total">Of all of them.</param>
/// <param name="ByLayer">Empty for tensors outside of the layers.</param>
public sealed record TensorKind(string Name, ReportSums Total, ImmutableSortedDictionary<int, ReportSums> ByLayer)
{
    private const int MaxKinds = 400;

    internal static ImmutableArray<TensorKind> Group(ImmutableArray<ProvenanceTensor> tensors) => [.. All(tensors).Take(MaxKinds)];

    private static IEnumerable<TensorKind> All(ImmutableArray<ProvenanceTensor> tensors) =>
        from tensor in tensors
        let place = TensorPlace.Of(tensor.Name)
        group (place.Layer, Sums: ReportSums.Of(tensor)) by (place.Kind, IsLayered: place.Layer is not null) into kind
        orderby kind.Key.IsLayered descending
        select new TensorKind(
            Printable.Of(kind.Key.Kind),
            Sum(kind.Select(tensor => tensor.Sums)),
            kind.Key.IsLayered
                ? kind.GroupBy(tensor => tensor.Layer!.Value).ToImmutableSortedDictionary(layer => layer.Key, layer => Sum(layer.Select(tensor => tensor.Sums)))
                : ImmutableSortedDictionary<int, ReportSums>.Empty);

    private static ReportSums Sum(IEnumerable<ReportSums> all) => all.Aggregate(default(ReportSums), (sum, next) => sum + next);
}
