using System.Collections.Immutable;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Server.Reports;

namespace ExpoCluster.Server.Tests.Reports;

public sealed class ModelReportTests
{
    private static readonly ImmutableArray<ProvenanceTensor> Tensors =
    [
        Tensor("model.embed_tokens.weight", deltaNorm: 0, effective: null),
        Tensor("model.layers.0.mlp.up_proj.weight", deltaNorm: 3, effective: 0.3),
        Tensor("model.layers.1.mlp.up_proj.weight", deltaNorm: 4, effective: 0.1),
    ];

    [Fact]
    public void Kinds_are_summed_over_layers_and_layered_ones_come_first()
    {
        ModelReport report = Report();

        Assert.Equal(["mlp.up_proj", "embed_tokens"], report.Kinds.Select(kind => kind.Name));
        Assert.Equal([0, 1], report.Layers.AsEnumerable());
        ReportSums all = report.Kinds[0].Total;
        Assert.Equal((2, 200L), (all.Tensors, all.Elements));
        Assert.Equal(5 / Math.Sqrt(200), all.RelativeChange!.Value, precision: 12);
        // Weighted by the square of the change: 0.3 · 9/25 + 0.1 · 16/25.
        Assert.Equal(0.172, all.EffectiveAlpha!.Value, precision: 12);
        Assert.Null(report.Kinds[1].Total.EffectiveAlpha);
    }

    [Fact]
    public void Tensors_are_counted_by_how_much_they_change()
    {
        ChangeDistribution distribution = Report().Distribution;

        Assert.Equal((1, 2), (distribution.Unchanged, distribution.Steps.Sum(step => step.Tensors)));
        Assert.All(distribution.Steps, step => Assert.True(step.From < step.To));
    }

    [Fact]
    public async Task A_report_is_one_file_that_needs_nothing_else_and_hides_no_name()
    {
        string html = await ReportPage.RenderAsync([Report() with { Name = "<b>mine</b>" }]);

        Assert.StartsWith("<!DOCTYPE html>", html, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;mine&lt;/b&gt;", html, StringComparison.Ordinal);
        Assert.Contains("mlp.up_proj, layer 1: 0.4", html, StringComparison.Ordinal);
        foreach (string foreign in new[] { "<script", "<link", "src=", "url(" })
        {
            Assert.DoesNotContain(foreign, html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Several_models_are_compared()
    {
        string html = await ReportPage.RenderAsync([Report(), Report() with { AskedAlpha = 0.5 }]);

        Assert.Contains("Models side by side", html, StringComparison.Ordinal);
        Assert.Contains(" 0.50</th>", html, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.001, 0)]
    [InlineData(0.0999, 6)]
    [InlineData(0.1, 6)]
    [InlineData(0.01, 3)]
    public void Shades_of_a_logarithmic_scale_are_equal_factors(double figure, int shade) =>
        Assert.Equal(shade, HeatScale.Of([0.001, 0.1, double.NaN, 0], isLogarithmic: true).ShadeOf(figure));

    private static ModelReport Report() => ModelReport.Of(
        new Provenance
        {
            Tool = "ExpoCluster test",
            PlanDigest = new string('a', 64),
            NumericsVersion = 1,
            BlockBytes = 4 << 20,
            Recipe = JsonNode.Parse("""{"method":"expo","base":"b","aligned":"a","alpha":0.3,"numerics":"exact","dtype":"aligned","on_mismatch":"error","max_shard_size":"keep"}""")!,
            Inputs = [],
            Files = [],
            Published = [],
            Statistics = new ProvenanceStatistics(Sums(5, 0.172), 0.3, Tensors),
        },
        "/models/mine")!;

    private static ProvenanceTensor Tensor(string name, double deltaNorm, double? effective) => new(name, 0.3, Sums(deltaNorm, effective));

    private static ProvenanceSums Sums(double deltaNorm, double? effective) =>
        new(Elements: 100, Changed: deltaNorm > 0 ? 80 : 0, Swallowed: deltaNorm > 0 ? 8 : 0, effective, deltaNorm, AlignedNorm: 10, MaxDelta: 1, NaN: 0, Infinite: 0, Overflowed: 0);
}
