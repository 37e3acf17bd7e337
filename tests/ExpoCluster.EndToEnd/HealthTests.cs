using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>A node says what it lacks while it lacks it.</summary>
public sealed class HealthTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace place = new("1MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private readonly HttpClient http = new();
    private readonly NodeProcesses nodes;
    private readonly ITestOutputHelper output;

    public HealthTests(ITestOutputHelper output)
    {
        this.output = output;
        nodes = new NodeProcesses(database!, place.Root);
    }

    public void Dispose()
    {
        http.Dispose();
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [FactNeeding(Needs.Postgres)]
    public void A_node_without_its_database_or_its_storage_lives_and_is_not_ready_until_it_is_back()
    {
        ExpoProcess node = nodes.Start("coordinator,worker", 0, "--http", server);
        NodeProcesses.WaitForMembers(node);
        WaitFor(200);

        database!.Stop();
        JsonNode withoutDatabase = WaitFor(503);
        Assert.Equal(["cluster True", "database False", "storage True"], ChecksOf(withoutDatabase));
        Assert.StartsWith("the database d", ReasonOf(withoutDatabase, "database"), StringComparison.Ordinal);
        RunResult health = ExpoProcess.Run("health", "--url", server);
        Assert.Equal(1, health.ExitCode);
        Assert.Contains("the database d", health.Errors, StringComparison.Ordinal);
        Assert.Equal(200, (int)http.GetAsync(new Uri(server + "/health/live")).GetAwaiter().GetResult().StatusCode);
        NodeProcesses.WaitFor(node, "waiting for the database");
        database.Start();
        WaitFor(200);

        string elsewhere = place.Root + "-elsewhere";
        Directory.Move(place.Root, elsewhere);
        Assert.Equal($"{place.Root} is no directory of this machine any more", ReasonOf(WaitFor(503), "storage"));
        // Something else is mounted there.
        Directory.CreateDirectory(place.Root);
        Assert.Equal($"{place.Root} is not the storage any more that it was when this node started", ReasonOf(WaitFor(503), "storage"));
        Directory.Delete(place.Root);
        Directory.Move(elsewhere, place.Root);
        Assert.Equal(["cluster True", "database True", "storage True"], ChecksOf(WaitFor(200)));
    }

    [FactNeeding(Needs.Postgres)]
    public void A_node_whose_database_is_away_lives_from_the_first_second_and_says_what_it_waits_for()
    {
        var clock = Stopwatch.StartNew();
        ExpoProcess node = nodes.Start("coordinator,worker,web", 0, "--http", server, "--database", $"postgres://expo@127.0.0.1:{PostgresServer.FreePort()}/jobs");
        while (Ask("/health/live") is not { Status: 200 })
        {
            Assert.True(clock.Elapsed < Patience && !node.HasExited, node.Errors);
            Thread.Sleep(20);
        }

        output.WriteLine($"live after {clock.Elapsed.TotalSeconds:0.00} s");
        NodeProcesses.WaitFor(node, "waiting for the database");
        JsonNode health = WaitFor(503);
        Assert.Equal(["cluster False", "database False"], ChecksOf(health));
        Assert.Equal("this node starts, and is no member of the cluster yet", ReasonOf(health, "cluster"));
        Assert.StartsWith("the database does not answer (", ReasonOf(health, "database"), StringComparison.Ordinal);
        (int status, string body) = Ask("/api/jobs")!.Value;
        Assert.Equal((503, "EXPO5116"), (status, (string?)JsonNode.Parse(body)!["code"]));
        Assert.Equal(0, ExpoProcess.Run("health", "--live", "--url", server).ExitCode);
        Assert.Contains("the database does not answer", ExpoProcess.Run("health", "--url", server).Errors, StringComparison.Ordinal);

        node.Signal("TERM");
        Assert.Equal(0, node.Wait().ExitCode);
    }

    private (int Status, string Body)? Ask(string path)
    {
        try
        {
            using HttpResponseMessage answer = http.GetAsync(new Uri(server + path)).GetAwaiter().GetResult();
            return ((int)answer.StatusCode, answer.Content.ReadAsStringAsync().GetAwaiter().GetResult());
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private JsonNode WaitFor(int status)
    {
        for (var clock = Stopwatch.StartNew(); ; Thread.Sleep(50))
        {
            using HttpResponseMessage answer = http.GetAsync(new Uri(server + "/health/ready")).GetAwaiter().GetResult();
            string body = answer.Content.ReadAsStringAsync().GetAwaiter().GetResult();
            if ((int)answer.StatusCode == status)
            {
                return JsonNode.Parse(body)!;
            }

            Assert.True(clock.Elapsed < Patience, $"{body}\n{nodes.Logs}");
        }
    }

    private static IEnumerable<string> ChecksOf(JsonNode health) => health["checks"]!.AsArray().Select(check => $"{check!["name"]} {(bool)check["holds"]!}");

    private static string ReasonOf(JsonNode health, string name) =>
        (string?)health["checks"]!.AsArray().Single(check => (string?)check!["name"] == name)!["reason"] ?? "";
}
