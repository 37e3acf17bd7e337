using System.Diagnostics;
using System.Text;
using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.EndToEnd;

/// <summary>A job is one trace, whoever works for it, and whoever takes it over.</summary>
public sealed class TraceTests : IDisposable
{
    private const string Job = "traced";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Workplace place = new("256MB");
    private readonly SpanReceiver receiver = new();
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private readonly NodeProcesses nodes;

    public TraceTests() => nodes = new NodeProcesses(database!, place.Root);

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        receiver.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public void Plan_parts_on_two_workers_seal_and_publish_are_one_trace_also_when_the_coordinator_dies()
    {
        int coordinatorPort = PostgresServer.FreePort();
        ExpoProcess web = Start("web", 0, "--http", server);
        ExpoProcess coordinator = Start("coordinator", coordinatorPort);
        ExpoProcess[] workers = [.. Enumerable.Range(0, 2).Select(_ => Start("worker", 0, "--max-rate", "12MB"))];
        NodeProcesses.WaitForMembers([web, coordinator, .. workers]);

        using var http = new HttpClient();
        using var recipe = new StringContent(
            $$"""{"id":"{{Job}}","base":"base","aligned":"aligned","alpha":0.3,"out":"out"}""", Encoding.UTF8, "application/json");
        HttpResponseMessage submitted = http.PostAsync(new Uri(server + "/api/jobs"), recipe).GetAwaiter().GetResult();
        Assert.True(submitted.IsSuccessStatusCode, submitted.Content.ReadAsStringAsync().GetAwaiter().GetResult());

        // Its first life ends in mid-job; what its second one says comes from the journal.
        WaitFor(() => Named(JobTrace.Part).Length >= 2);
        coordinator.Kill();
        NodeProcesses.WaitForMembers(Start("coordinator", coordinatorPort));
        WaitFor(() => Named(JobTrace.Job).Length > 0 && Named(JobTrace.Publish).Length > 0 && Named(JobTrace.Part).Length >= 8);

        ReceivedSpan[] spans = [.. receiver.Spans.Where(span => span.Attributes.GetValueOrDefault(JobTrace.JobAttribute) == Job)];
        Assert.All(spans, span => Assert.Equal(JobTrace.Of(Job).TraceId.ToString(), span.Trace));
        ReceivedSpan plan = Assert.Single(spans, span => span.Name == JobTrace.Plan);
        Assert.Equal("", plan.Parent);
        Assert.All(spans.Where(span => span != plan), span => Assert.Equal(plan.Id, span.Parent));
        Assert.Equal(2, Named(JobTrace.Part).Select(span => span.Node).Distinct().Count());
        Assert.DoesNotContain(plan.Node, Named(JobTrace.Part).Select(span => span.Node));
        Assert.Equal("model.safetensors", Assert.Single(Named(JobTrace.Seal)).Attributes[JobTrace.FileAttribute]);
        Assert.Equal("done", Assert.Single(Named(JobTrace.Job)).Attributes[JobTrace.OutcomeAttribute]);
        Assert.NotEqual(Assert.Single(Named(JobTrace.Publish)).Node, plan.Node);
        Assert.All(spans, span => Assert.Equal("expocluster", span.Service));
    }

    private ReceivedSpan[] Named(string name) => [.. receiver.Spans.Where(span => span.Name == name)];

    private ExpoProcess Start(string roles, int port, params string[] more) => nodes.StartUnder(
        ["/usr/bin/env", $"OTEL_EXPORTER_OTLP_ENDPOINT={receiver.Url}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_METRICS_EXPORTER=none"],
        roles, port, more);

    private void WaitFor(Func<bool> holds)
    {
        for (var clock = Stopwatch.StartNew(); !holds(); Thread.Sleep(50))
        {
            Assert.True(clock.Elapsed < Patience, string.Join('\n', receiver.Spans.Select(span => span.ToString())) + nodes.Logs);
        }
    }
}
