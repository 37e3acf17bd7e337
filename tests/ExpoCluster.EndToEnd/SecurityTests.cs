using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace ExpoCluster.EndToEnd;

/// <summary>A node among people who are not all of them friends.</summary>
public sealed class SecurityTests : IDisposable
{
    private const string Operator = "a-token-for-those-who-act";
    private const string Reader = "a-token-for-those-who-read";
    private const long MaxGrowthBytes = 100_000_000;

    private readonly Workplace place = new("8MB");
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private readonly ExpoProcess node;

    public SecurityTests()
    {
        File.WriteAllText(place.PathOf("tokens"), $"{Operator} operator ada\n{Reader} reader rhea\n");
        node = ExpoProcess.Start(
            "node", "--database", $"sqlite:{place.PathOf("jobs.db")}", "--storage-root", place.Root, "--port", "0", "--http", server, "--log-format", "json",
            "--lanes", "1", "--max-rate", "128KB", "--auth", $"token:{place.PathOf("tokens")}");
        NodeProcesses.WaitFor(node, "serving");
    }

    public void Dispose()
    {
        node.Dispose();
        place.Dispose();
    }

    [Fact]
    public async Task Whoever_acts_is_in_the_log_each_time_and_no_token_is()
    {
        using var act = Http(Operator);
        string recipe = """{"id": "mine", "base": "base", "aligned": "aligned", "alpha": 0.3, "out": "out"}""";
        HttpResponseMessage submitted = await act.PostAsync("/api/jobs", new StringContent(recipe, Encoding.UTF8, "application/json"));
        await act.DeleteAsync("/api/jobs/mine");
        await act.DeleteAsync("/api/jobs/mine");
        using var read = Http(Reader);
        HttpResponseMessage refused = await read.DeleteAsync("/api/jobs/mine");
        NodeProcesses.WaitFor(node, "request-refused");

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Forbidden), (submitted.StatusCode, refused.StatusCode));
        JsonNode[] audit = [.. node.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).Where(line => (string?)line["source"] == "Audit")];
        Assert.Equal(
            ["info job-submitted ada operator 127.0.0.1 mine", "info job-cancelled ada operator 127.0.0.1 mine", "info job-cancelled ada operator 127.0.0.1 mine", "warning request-refused rhea reader 127.0.0.1 DELETE /api/jobs/mine 403"],
            audit.Select(line => string.Join(' ', new[] { "level", "event", "who", "role", "address", "job", "request", "status" }.Select(field => line[field]?.ToString()).OfType<string>())));
        Assert.DoesNotContain(Operator, node.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(Reader, node.Errors, StringComparison.Ordinal);
    }

    [LongFact]
    public async Task Great_bodies_from_many_connections_take_no_memory()
    {
        using var http = Http(Operator);
        byte[] body = new byte[100_000_000];
        Array.Fill(body, (byte)' ');
        await SendAsync(http, body);
        long before = AnonymousBytes();

        HttpStatusCode?[] answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => SendAsync(http, body)));

        // Whoever is hung up on while it still sends may not come to read why.
        Assert.All(answers, answer => Assert.True(answer is null or HttpStatusCode.RequestEntityTooLarge));
        Assert.InRange(AnonymousBytes() - before, long.MinValue, MaxGrowthBytes);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/ready")).StatusCode);
    }

    private static async Task<HttpStatusCode?> SendAsync(HttpClient http, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            return (await http.PostAsync("/api/jobs", content)).StatusCode;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private HttpClient Http(string token)
    {
        var http = new HttpClient { BaseAddress = new Uri(server) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return http;
    }

    private long AnonymousBytes()
    {
        string line = File.ReadLines($"/proc/{node.Id}/status").First(line => line.StartsWith("RssAnon:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
