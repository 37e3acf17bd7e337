using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace ExpoCluster.EndToEnd;

/// <summary>A node that is asked for plans which take long, by people who do not wait for them.</summary>
public sealed class PlannerTests : IDisposable
{
    // Longer than any plan of a small pair, and shorter than a client that has gone would keep a planner waiting.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace place = new("8MB");
    private readonly TcpListener silentHub = new(IPAddress.Loopback, 0);
    private readonly ExpoProcess node;
    private readonly HttpClient http;

    public PlannerTests()
    {
        silentHub.Start();
        string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
        http = new HttpClient { BaseAddress = new Uri(server), Timeout = Patience };
        node = ExpoProcess.Start(
            new Dictionary<string, string> { ["HF_ENDPOINT"] = $"http://127.0.0.1:{((IPEndPoint)silentHub.LocalEndpoint).Port}", ["HF_HUB_ETAG_TIMEOUT"] = "600" },
            "node", "--database", $"sqlite:{place.PathOf("jobs.db")}", "--storage-root", place.Root, "--port", "0", "--lanes", "1", "--http", server);
        NodeProcesses.WaitFor(node, "serving");
    }

    public void Dispose()
    {
        http.Dispose();
        node.Dispose();
        silentHub.Dispose();
        place.Dispose();
    }

    [Fact]
    public async Task Whoever_goes_gives_his_planner_back()
    {
        for (int client = 0; client < 4; client++)
        {
            using var gone = new CancellationTokenSource();
            Task<HttpResponseMessage> plan = PlanAsync("""{"base": "hf:org/base", "aligned": "aligned", "alpha": 0.3}""", gone.Token);
            // The Hub was asked: the plan is under way.
            using TcpClient asked = await silentHub.AcceptTcpClientAsync().WaitAsync(Patience);
            await gone.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => plan);
        }

        HttpResponseMessage answer = await PlanAsync("""{"base": "base", "aligned": "aligned", "alpha": 0.3}""", CancellationToken.None);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        JsonNode health = JsonNode.Parse(await http.GetStringAsync(new Uri("/health/ready", UriKind.Relative)))!;
        Assert.Contains(health["checks"]!.AsArray(), check => (string?)check!["name"] == "planners" && (bool)check["holds"]!);
    }

    private Task<HttpResponseMessage> PlanAsync(string recipe, CancellationToken cancellation) =>
        http.PostAsync(new Uri("/api/plan", UriKind.Relative), new StringContent(recipe, Encoding.UTF8, "application/json"), cancellation);
}
