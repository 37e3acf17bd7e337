using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Telemetry;
using ExpoCluster.Repository;
using ExpoCluster.Server.Tests.Api;

namespace ExpoCluster.Server.Tests.Telemetry;

/// <summary>What a node measures is what docs/observability.md says, and the other way.</summary>
public sealed partial class MetricsTests : ApiScene
{
    private static readonly string Document = Tree.Read("docs/observability.md");

    [Fact]
    public async Task Every_instrument_has_its_row_with_its_unit_and_every_row_its_instrument()
    {
        SortedSet<string> instruments = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == EngineTelemetry.Name)
                {
                    lock (instruments)
                    {
                        instruments.Add($"{instrument.Name} {instrument.Unit} {KindOf(instrument)}");
                    }
                }
            },
        };
        listener.Start();
        await ScrapeAsync();

        Assert.Equal(new SortedSet<string>(Rows.Select(row => $"{row.Instrument} {row.Unit} {row.Kind}")), instruments);
    }

    [Fact]
    public async Task Every_row_names_what_is_served_with_its_labels_after_a_job()
    {
        await FinishedAsync(Recipe());
        Scrape scrape = await ScrapeAsync();

        Assert.All(Rows, row =>
        {
            string sample = row.Kind == "histogram" ? row.Prometheus + "_count" : row.Prometheus;
            Assert.Contains(sample, scrape.Names);
            Assert.Equal(row.Labels, scrape.Labels.Where(label => label.Name == sample).Select(label => label.Label).Order(StringComparer.Ordinal));
        });
        IEnumerable<string> served = scrape.Names.Where(name => name.StartsWith("expocluster", StringComparison.Ordinal)).Select(name => HistogramSuffix().Replace(name, ""));
        Assert.Empty(served.Except(Rows.Select(row => row.Prometheus)));
    }

    [Fact]
    public async Task A_job_is_counted()
    {
        Scrape before = await ScrapeAsync();
        await FinishedAsync(Recipe());
        Scrape after = await ScrapeAsync();

        double Grown(string name) => after.Values[name] - before.Values[name];

        // Other nodes of this process may count at the same time.
        Assert.True(Grown("expocluster_parts_finished_total{outcome=\"computed\"}") >= 1);
        Assert.True(Grown("expocluster_output_written_bytes_total{}") >= 200);
        Assert.True(Grown("expocluster_input_read_bytes_total{}") >= 400);
        Assert.True(Grown("expocluster_jobs_ended_total{state=\"done\"}") >= 1);
        Assert.True(Grown("expocluster_journal_events_total{}") >= 5);
        Assert.True(after.Values["expocluster_cluster_members{role=\"worker\",state=\"up\"}"] == 1);
        Assert.True(after.Values[$"expocluster_storage_free_bytes{{root=\"{Pair.Root}\"}}"] > 0);
    }

    [Fact]
    public void Every_span_and_attribute_has_its_row_and_every_row_its_span_or_attribute()
    {
        SortedSet<string> constants = [.. typeof(JobTrace).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!)];

        Assert.Equal(constants, new SortedSet<string>(TraceRow().Matches(Section("## Traces")).Select(row => row.Groups[1].Value)));
    }

    private static IEnumerable<(string Instrument, string Prometheus, string Unit, string Kind, string[] Labels)> Rows => MetricRow().Matches(Document).Select(row => (
        row.Groups[1].Value,
        row.Groups[2].Value,
        row.Groups[3].Value,
        row.Groups[4].Value,
        row.Groups[5].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Histogram" => "histogram",
        "ObservableCounter" => "counter",
        "ObservableUpDownCounter" or "ObservableGauge" => "level",
        string other => other,
    };

    private static string Section(string heading)
    {
        string from = Document[Document.IndexOf(heading, StringComparison.Ordinal)..];
        return from[..from.IndexOf("\n## ", StringComparison.Ordinal)];
    }

    private async Task<Scrape> ScrapeAsync() => new(await Http.GetStringAsync("/metrics"));

    [GeneratedRegex(@"^\| `([\w.]+)` \| `(\w+)` \| (\S+) \| (\w+) \| ([\w, ]*?) ?\| ", RegexOptions.Multiline)]
    private static partial Regex MetricRow();

    [GeneratedRegex(@"^\| `([\w.]+)` \|", RegexOptions.Multiline)]
    private static partial Regex TraceRow();

    [GeneratedRegex("_(?:bucket|sum|count)$")]
    private static partial Regex HistogramSuffix();
}
