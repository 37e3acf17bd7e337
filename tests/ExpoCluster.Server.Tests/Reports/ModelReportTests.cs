using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Server.Reports;

namespace ExpoCluster.Server.Tests.Reports;

public sealed partial class ModelReportTests
{
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
    public async Task Several_models_are_compared_each_by_its_own_figures()
    {
        ModelReport other = Report(alpha: 0.5, effective: 0.4);

        string html = await ReportPage.RenderAsync([Report(), other]);

        Assert.Contains("Models side by side", html, StringComparison.Ordinal);
        Assert.Equal(["α 0.30", "0.30", "0.172", "57.3 %", "80.0 %", "10.0 %", "0", "0"], RowOf("α 0.30", html));
        Assert.Equal(["α 0.50", "0.50", "0.40", "80.0 %", "80.0 %", "10.0 %", "0", "0"], RowOf("α 0.50", html));
        // By kind: what is reached of the asked alpha, then what is swallowed.
        Assert.Equal(["mlp.up_proj", "57.3 %", "80.0 %"], RowOf("mlp.up_proj", html));
    }

    [Fact]
    public async Task Models_of_one_name_and_alpha_are_told_apart_by_their_directories()
    {
        string html = await ReportPage.RenderAsync([Report(), Report() with { Directory = "/models/yours" }]);

        Assert.Equal("/models/mine", RowOf("/models/mine", html)[0]);
        Assert.Equal("/models/yours", RowOf("/models/yours", html)[0]);
    }

    [Theory]
    [InlineData(0.001, 0)]
    [InlineData(0.0999, 6)]
    [InlineData(0.1, 6)]
    [InlineData(0.01, 3)]
    public void Shades_of_a_logarithmic_scale_are_equal_factors(double figure, int shade) =>
        Assert.Equal(shade, HeatScale.Of([0.001, 0.1, double.NaN, 0], isLogarithmic: true).ShadeOf(figure));

    // The cells of the first row that begins so, without their marks.
    private static string[] RowOf(string head, string html) =>
        RowsOf(html).First(cells => cells[0] == head);

    private static IEnumerable<string[]> RowsOf(string html) => Rows().Matches(WebUtility.HtmlDecode(html))
        .Select(row => Cells().Matches(row.Value).Select(cell => cell.Groups[1].Value.Trim()).ToArray())
        .Where(cells => cells.Length > 0);

    [GeneratedRegex("<tr>.*?</tr>", RegexOptions.Singleline)]
    private static partial Regex Rows();

    [GeneratedRegex("<t[hd][^>]*>(.*?)</t[hd]>", RegexOptions.Singleline)]
    private static partial Regex Cells();

    private static ModelReport Report(double alpha = 0.3, double effective = 0.172) => ModelReport.Of(
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
            Statistics = new ProvenanceStatistics(Sums(5, effective), alpha, TensorsOf(alpha, effective)),
        },
        "/models/mine")!;

    // Of two changed tensors one reaches all of alpha, and the other what makes the whole of it, by weights of 9 and 16.
    private static ImmutableArray<ProvenanceTensor> TensorsOf(double alpha, double effective) =>
    [
        new("model.embed_tokens.weight", alpha, Sums(deltaNorm: 0, effective: null)),
        new("model.layers.0.mlp.up_proj.weight", alpha, Sums(deltaNorm: 3, alpha)),
        new("model.layers.1.mlp.up_proj.weight", alpha, Sums(deltaNorm: 4, ((25 * effective) - (9 * alpha)) / 16)),
    ];

    private static ProvenanceSums Sums(double deltaNorm, double? effective) =>
        new(Elements: 100, Changed: deltaNorm > 0 ? 80 : 0, Swallowed: deltaNorm > 0 ? 8 : 0, effective, deltaNorm, AlignedNorm: 10, MaxDelta: 1, NaN: 0, Infinite: 0, Overflowed: 0);
}
