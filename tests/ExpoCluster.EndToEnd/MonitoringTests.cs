using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using ExpoCluster.Repository;
using ExpoCluster.Server.Tests.Telemetry;

namespace ExpoCluster.EndToEnd;

/// <summary>What deploy/ asks Prometheus for is what a node serves.</summary>
public sealed partial class MonitoringTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Made by Prometheus itself.
    private static readonly string[] OfPrometheus = ["up"];

    private static readonly string[] TargetLabels = ["job", "instance"];

    private static readonly string[] Words = ["and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset", "group_left", "group_right"];

    private readonly Workplace place = new("64MB");
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private ExpoProcess? node;

    public void Dispose()
    {
        node?.Dispose();
        place.Dispose();
    }

    [Fact]
    public void Every_query_names_metrics_and_labels_that_a_node_serves_after_a_job()
    {
        Scrape scrape = ScrapeAfterJob();
        string[] queries = [.. DashboardQueries(), .. Alert().Matches(Tree.Read("deploy/prometheus/alerts.yml")).Select(alert => alert.Groups[1].Value), AutoscalerQuery(), KedaQuery()];

        Assert.True(queries.Length >= 40, $"{queries.Length} queries");
        foreach (string query in queries)
        {
            string[] names = [.. NamesIn(query)];
            Assert.NotEmpty(names);
            Assert.All(names, name => Assert.True(scrape.Names.Contains(name) || OfPrometheus.Contains(name), $"{name} in: {query}"));
            Assert.All(LabelsIn(query), label => Assert.True(
                TargetLabels.Contains(label) || names.Any(name => scrape.Labels.Contains((name, label))), $"label {label} in: {query}"));
        }
    }

    [Fact]
    public void The_dashboard_asks_the_source_that_is_provisioned()
    {
        Assert.Contains("uid: prometheus\n", Tree.Read("deploy/grafana/provisioning/datasources/prometheus.yml"), StringComparison.Ordinal);
        IEnumerable<string> sources = DataSource().Matches(Tree.Read("deploy/grafana/dashboards/expocluster.json")).Select(match => match.Groups[1].Value);
        Assert.Equal(["prometheus"], sources.Distinct());
    }

    [Fact]
    public void Every_alert_has_its_row_and_its_test()
    {
        string[] alerts = [.. AlertName().Matches(Tree.Read("deploy/prometheus/alerts.yml")).Select(match => match.Groups[1].Value)];
        string tests = Tree.Read("deploy/prometheus/alerts.test.yml");

        Assert.Equal(alerts, DocumentedAlert().Matches(Tree.Read("docs/observability.md")).Select(match => match.Groups[1].Value));
        Assert.All(alerts, alert => Assert.Matches($@"alertname: {alert}\n\s+exp_alerts:", tests));
    }

    [FactNeeding("promtool")]
    public void Promtool_takes_configuration_and_rules_and_their_tests_pass()
    {
        string rules = Path.Join(Tree.Root, "deploy/prometheus/alerts.yml");
        string token = place.PathOf("token");
        File.WriteAllText(token, "t");
        // With the paths of this machine, for promtool looks whether the files are there.
        string configuration = place.PathOf("prometheus.yml");
        File.WriteAllText(configuration, Tree.Read("deploy/prometheus/prometheus.yml")
            .Replace("/monitoring/token", token, StringComparison.Ordinal).Replace("- alerts.yml", "- " + rules, StringComparison.Ordinal));

        Promtool("check", "config", configuration);
        Promtool("check", "rules", rules);
        Promtool("test", "rules", Path.Join(Tree.Root, "deploy/prometheus/alerts.test.yml"));
    }

    private static void Promtool(params string[] arguments)
    {
        using Process promtool = Process.Start(new ProcessStartInfo("promtool", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        string said = promtool.StandardOutput.ReadToEnd() + promtool.StandardError.ReadToEnd();
        promtool.WaitForExit();
        Assert.True(promtool.ExitCode == 0, said);
    }

    private Scrape ScrapeAfterJob()
    {
        node = ExpoProcess.Start("node", "--port", "0", "--http", server, "--database", "sqlite:" + place.PathOf("expocluster.db"), "--storage-root", place.Root, "--lanes", "2", "--log-format", "json");
        NodeProcesses.WaitFor(node, "serving");
        RunResult merged = ExpoProcess.Run("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json", "--server", server);
        Assert.True(merged.ExitCode == 0, merged.ToString());
        AssertLogIsJson(merged.Json.GetProperty("job").GetString()!);
        using var http = new HttpClient { Timeout = Patience };
        return new Scrape(http.GetStringAsync(new Uri(server + "/metrics")).GetAwaiter().GetResult());
    }

    private void AssertLogIsJson(string job)
    {
        JsonElement[] lines = [.. node!.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

        Assert.All(lines, line => Assert.All(["time", "level", "source", "message"], field => Assert.True(line.TryGetProperty(field, out _), field)));
        // Who submitted it, that it is accepted, how it ended.
        Assert.Equal(3, lines.Count(line => line.TryGetProperty("job", out JsonElement about) && about.GetString() == job));
    }

    private static IEnumerable<string> DashboardQueries()
    {
        JsonElement dashboard = JsonDocument.Parse(Tree.Read("deploy/grafana/dashboards/expocluster.json")).RootElement;
        return dashboard.GetProperty("panels").EnumerateArray()
            .Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .Select(target => target.GetProperty("expr").GetString()!);
    }

    private static string AutoscalerQuery()
    {
        Match metric = AutoscalerMetric().Match(Tree.Read("k8s/components/autoscaling/autoscaler.yaml"));
        Assert.True(metric.Success);
        return metric.Groups[1].Value;
    }

    // The label of the pod's namespace is Prometheus' own, by the configuration in k8s/README.md.
    private static string KedaQuery()
    {
        Match query = KedaTrigger().Match(Tree.Read("k8s/components/keda/scaled-object.yaml"));
        Assert.True(query.Success);
        return query.Groups[1].Value.Replace("{namespace=\"expocluster\"}", "", StringComparison.Ordinal);
    }

    // Metrics are the words that are neither of the language, nor functions, nor inside braces, brackets or groupings.
    private static IEnumerable<string> NamesIn(string query) =>
        Word().Matches(Grouping().Replace(Bracketed().Replace(query, ""), " ")).Select(word => word.Value).Except(Words);

    private static IEnumerable<string> LabelsIn(string query) => Matcher().Matches(query).Select(match => match.Groups[1].Value)
        .Concat(Grouping().Matches(query).SelectMany(match => match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries)));

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]")]
    private static partial Regex Bracketed();

    [GeneratedRegex(@"\b(?:by|without|on|ignoring)\s*\(([^)]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\b[a-zA-Z_:][\w:]*\b(?!\s*\()")]
    private static partial Regex Word();

    [GeneratedRegex("""[{,]\s*([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)""")]
    private static partial Regex Matcher();

    [GeneratedRegex(@"^\s+expr: (.+)$", RegexOptions.Multiline)]
    private static partial Regex Alert();

    [GeneratedRegex(@"metric:\s+name: (\w+)")]
    private static partial Regex AutoscalerMetric();

    [GeneratedRegex(@"query: (sum\(.+)$", RegexOptions.Multiline)]
    private static partial Regex KedaTrigger();

    [GeneratedRegex(@"- alert: (\w+)")]
    private static partial Regex AlertName();

    [GeneratedRegex(@"^\| `(ExpoCluster\w+)` \|", RegexOptions.Multiline)]
    private static partial Regex DocumentedAlert();

    [GeneratedRegex("\"uid\": \"(?!expocluster\")(\\w+)\"")]
    private static partial Regex DataSource();
}
