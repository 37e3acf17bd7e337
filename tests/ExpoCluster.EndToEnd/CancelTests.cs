using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>A job of a cluster of real processes that is cancelled over HTTP in mid-work.</summary>
public sealed class CancelTests : IDisposable
{
    private readonly ITestOutputHelper output;
    private readonly Workplace place = new("256MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";

    public CancelTests(ITestOutputHelper output)
    {
        this.output = output;
        nodes = new NodeProcesses(database!, place.Root);
    }

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public async Task It_stops_at_once_and_its_staging_is_removed()
    {
        NodeProcesses.WaitForMembers(
            nodes.Start("coordinator"),
            nodes.Start("web", 0, "--http", server),
            nodes.Start("worker", 0, "--max-rate", "12MB"),
            nodes.Start("worker", 0, "--max-rate", "12MB"));
        using var http = new HttpClient { BaseAddress = new Uri(server) };
        using HttpResponseMessage submitted = await http.PostAsJsonAsync(
            "api/jobs", new { id = "doomed", @base = "base", aligned = "aligned", alpha = 0.3, @out = "out" });
        Assert.Equal(201, (int)submitted.StatusCode);
        while ((await ShowAsync(http)).GetProperty("parts").GetProperty("assigned").GetInt32() < 2)
        {
            await Task.Delay(50);
        }

        var clock = Stopwatch.StartNew();
        using HttpResponseMessage cancelled = await http.DeleteAsync(new Uri("api/jobs/doomed", UriKind.Relative));
        TimeSpan answered = clock.Elapsed;
        while (Directory.Exists(Path.Join(place.Output, ".expocluster")))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), nodes.Logs);
            await Task.Delay(10);
        }

        TimeSpan removed = clock.Elapsed;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"answered after {answered.TotalMilliseconds:0} ms, staging removed after {removed.TotalMilliseconds:0} ms"));
        Assert.Equal("cancelled", (await cancelled.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("state").GetString());
        Assert.True(answered < TimeSpan.FromSeconds(5) && removed < TimeSpan.FromSeconds(10), $"{answered} {removed}");
        Assert.False(File.Exists(Path.Join(place.Output, "model.safetensors.index.json")));
        Assert.Equal("0", database!.Query("select count(*) from expocluster_outputs"));

        // Whoever was at work for it is free for the next.
        using HttpResponseMessage next = await http.PostAsJsonAsync(
            "api/jobs", new { id = "next", @base = "base", aligned = "aligned", alpha = 0.5, @out = "out" });
        Assert.Equal(201, (int)next.StatusCode);
        Assert.Equal(0, ExpoProcess.Run("jobs", "watch", "next", "--server", server).ExitCode);
    }

    private static Task<JsonElement> ShowAsync(HttpClient http) => http.GetFromJsonAsync<JsonElement>("api/jobs/doomed");
}
