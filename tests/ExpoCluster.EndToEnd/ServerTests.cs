using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>The commands that speak to a server, against a node that is a process of its own.</summary>
public sealed class ServerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace place = new("64MB");
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private ExpoProcess? node;

    public void Dispose()
    {
        node?.Dispose();
        place.Dispose();
    }

    [Fact]
    public void A_merge_on_a_server_makes_what_an_embedded_one_makes()
    {
        StartNode();
        RunResult embedded = ExpoProcess.Run(["merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.PathOf("embedded"), "--json"]);
        RunResult remote = Run("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json");

        Assert.True(remote.ExitCode == 0, remote.ToString());
        JsonElement result = remote.Json;
        Assert.Equal(("done", place.Output), (result.GetProperty("status").GetString(), result.GetProperty("output")[0].GetString()));
        foreach (string field in new[] { "bytesWritten", "parts" })
        {
            Assert.Equal(embedded.Json.GetProperty(field).ToString(), result.GetProperty(field).ToString());
        }

        Assert.Equal(embedded.Json.EnumerateObject().Select(field => field.Name), result.EnumerateObject().Select(field => field.Name));
        Assert.Equal(embedded.Json.GetProperty("notes").ToString(), result.GetProperty("notes").ToString());
        string statistics = embedded.Json.GetProperty("statistics").ToString().Replace(place.PathOf("embedded"), place.Output, StringComparison.Ordinal);
        Assert.Contains("effectiveAlpha", statistics, StringComparison.Ordinal);
        Assert.Equal(statistics, result.GetProperty("statistics").ToString());
        JsonElement shown = Run("jobs", "show", result.GetProperty("job").GetString()!, "--json").Json;
        Assert.Equal(statistics, shown.GetProperty("statistics").ToString());

        SortedDictionary<string, string> made = Workplace.Digests(place.Output);
        Assert.Equal(Workplace.Digests(place.PathOf("embedded")), made);
        Assert.Contains("running", remote.Errors, StringComparison.Ordinal);

        RunResult again = Run("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json");
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Equal(result.GetProperty("job").GetString(), again.Json.GetProperty("job").GetString());
        JsonElement parts = again.Json.GetProperty("parts");
        Assert.Equal((0, parts.GetProperty("total").GetInt32()), (parts.GetProperty("computed").GetInt32(), parts.GetProperty("reused").GetInt32()));
    }

    [Fact]
    public void Ctrl_C_leaves_the_job_alone_and_says_how_to_come_back()
    {
        StartNode("--max-rate", "20MB");
        using ExpoProcess merge = ExpoProcess.Start("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json", "--server", server);
        WaitFor(merge, "running");
        merge.Signal("INT");
        RunResult detached = merge.Wait();

        Assert.Equal((130, "interrupted"), (detached.ExitCode, detached.Json.GetProperty("status").GetString()));
        string job = detached.Json.GetProperty("job").GetString()!;
        Assert.Contains($"expocluster jobs watch {job} --server {server}", detached.Errors, StringComparison.Ordinal);
        Assert.Equal("running", Run("jobs", "show", job, "--json").Json.GetProperty("state").GetString());

        RunResult watched = Run("jobs", "watch", job, "--json");
        Assert.Equal((0, "done"), (watched.ExitCode, watched.Json.GetProperty("state").GetString()));
        Assert.Equal([job], Run("jobs", "list", "--state", "done", "--json").Json.GetProperty("jobs").EnumerateArray().Select(row => row.GetProperty("id").GetString()));
        Assert.Contains(job, Run("jobs").Output, StringComparison.Ordinal);
        Assert.Contains("done", Run("jobs", "show", job).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_job_that_is_cancelled_ends_for_whoever_watches_it()
    {
        StartNode("--max-rate", "10MB");
        using ExpoProcess merge = ExpoProcess.Start("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json", "--server", server);
        WaitFor(merge, "running");
        string job = Run("jobs", "list", "--json").Json.GetProperty("jobs")[0].GetProperty("id").GetString()!;

        RunResult cancelled = Run("jobs", "cancel", job);

        Assert.Equal((0, $"job {job} is cancelled"), (cancelled.ExitCode, cancelled.Output.Trim()));
        RunResult merged = merge.Wait();
        Assert.Equal((1, "cancelled"), (merged.ExitCode, merged.Json.GetProperty("status").GetString()));
        RunResult resumed = Run("jobs", "resume", job);
        Assert.Equal(1, resumed.ExitCode);
        Assert.Contains("error EXPO3008", resumed.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recipe_that_cannot_be_is_a_usage_error_with_every_problem()
    {
        StartNode();
        RunResult refused = Run("merge", "--base", "/etc", "--aligned", "../aligned", "--alpha", "0.3", "--out", "out", "--json");

        Assert.Equal((2, "EXPO5020"), (refused.ExitCode, refused.Json.GetProperty("code").GetString()));
        Assert.Contains("error EXPO5020: base: ", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("error EXPO5020: aligned: ", refused.Errors, StringComparison.Ordinal);

        RunResult own = Run("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--lanes", "2", "--restart");
        Assert.Equal(2, own.ExitCode);
        Assert.Contains("error EXPO2093: --lanes: ", own.Errors, StringComparison.Ordinal);
        Assert.Contains("error EXPO2093: --restart: ", own.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_of_a_server_is_the_plan_of_this_program()
    {
        StartNode();
        RunResult here = ExpoProcess.Run("plan", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.Output, "--json");
        RunResult there = Run("plan", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json");

        Assert.True(there.ExitCode == 0, there.ToString());
        foreach (string field in new[] { "status", "digest", "method", "numerics", "alpha", "alphas", "base", "aligned", "output", "files", "parameters", "parts", "bytesRead", "bytesWritten", "diskNeeded", "fileSystem", "notes", "problems" })
        {
            Assert.Equal(here.Json.GetProperty(field).ToString(), there.Json.GetProperty(field).ToString());
        }

        Assert.Contains(here.Json.GetProperty("digest").GetString()!, Run("plan", "--base", "base", "--aligned", "aligned", "--alpha", "0.3").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nobody_answers_the_error_names_the_server()
    {
        RunResult failed = Run("jobs", "list", "--json");

        Assert.Equal((1, "EXPO5121"), (failed.ExitCode, failed.Json.GetProperty("code").GetString()));
        Assert.Contains(server, failed.Errors, StringComparison.Ordinal);
        Assert.Equal(2, ExpoProcess.Run("jobs", "list").ExitCode);
        Assert.Equal(2, ExpoProcess.Run("jobs", "list", "--server", "nowhere").ExitCode);
    }

    [Fact]
    public void The_program_tells_whether_the_node_of_this_machine_can_work()
    {
        RunResult absent = ExpoProcess.Run("health", "--url", server);
        Assert.Equal(1, absent.ExitCode);
        Assert.Contains("error EXPO5037", absent.Errors, StringComparison.Ordinal);

        StartNode();
        var environment = new Dictionary<string, string> { ["EXPOCLUSTER_HTTP"] = server };
        Assert.Equal(0, ExpoProcess.Run(environment, "health").ExitCode);
        Assert.Equal(0, ExpoProcess.Run(environment, "health", "--live").ExitCode);
    }

    [Fact]
    public void A_server_with_tokens_lets_in_who_has_one()
    {
        string tokens = place.PathOf("tokens");
        File.WriteAllText(tokens, "# of the test\nan-operators-token-0123456789\n");
        StartNode("--auth", "token:" + tokens);

        RunResult stranger = Run("jobs", "list");
        Assert.Equal(1, stranger.ExitCode);
        Assert.Contains("error EXPO5101", stranger.Errors, StringComparison.Ordinal);
        Assert.Equal(0, Run("jobs", "list", "--token-file", tokens).ExitCode);
        var environment = new Dictionary<string, string> { ["EXPOCLUSTER_TOKEN"] = "an-operators-token-0123456789" };
        Assert.Equal(0, ExpoProcess.Run(environment, "jobs", "list", "--server", server).ExitCode);
        Assert.Equal(2, Run("jobs", "list", "--token-file", place.PathOf("nowhere")).ExitCode);
        Assert.DoesNotContain("0123456789", node!.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_killed_in_mid_job_goes_on_where_it_was_and_its_watcher_with_it()
    {
        StartNode("--max-rate", "20MB");
        using ExpoProcess merge = ExpoProcess.Start("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json", "--server", server);
        WaitFor(merge, "running");
        node!.Kill();
        node.Dispose();
        StartNode();

        RunResult merged = merge.Wait();

        Assert.True(merged.ExitCode == 0, merged.ToString() + node!.Errors);
        RunResult verified = ExpoProcess.Run("verify", place.Output);
        Assert.True(verified.ExitCode == 0, verified.ToString());
    }

    private RunResult Run(params string[] arguments) => ExpoProcess.Run([.. arguments, "--server", server]);

    private void StartNode(params string[] more)
    {
        node = ExpoProcess.Start([
            "node", "--port", "0", "--http", server, "--database", "sqlite:" + place.PathOf("expocluster.db"), "--storage-root", place.Root, "--lanes", "2", .. more]);
        NodeProcesses.WaitForMembers(node);
        WaitUntilReady();
    }

    private void WaitUntilReady()
    {
        using var http = new HttpClient();
        for (var clock = Stopwatch.StartNew(); ; Thread.Sleep(50))
        {
            try
            {
                if (http.GetAsync(new Uri(server + "/health/ready")).GetAwaiter().GetResult().IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            Assert.True(clock.Elapsed < Patience && !node!.HasExited, node!.Errors);
        }
    }

    private static void WaitFor(ExpoProcess process, string words)
    {
        for (var clock = Stopwatch.StartNew(); !process.Errors.Contains(words, StringComparison.Ordinal); Thread.Sleep(20))
        {
            Assert.True(clock.Elapsed < Patience && !process.HasExited, string.Create(CultureInfo.InvariantCulture, $"waiting for '{words}':\n{process.Errors}"));
        }
    }
}
