using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ExpoCluster.TestHub;

namespace ExpoCluster.EndToEnd;

/// <summary>Models of a test Hub on a server of one node: what is fetched, what is said of it, and what goes wrong.</summary>
public sealed class HubServerTests : IAsyncLifetime
{
    private const string Token = "hf_theSecretOfTheNode";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace place = new("20MB");
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private HubServer hub = null!;
    private TestRepository aligned = null!;
    private ExpoProcess? node;

    private string Root => place.PathOf("storage");

    private string Cache => Path.Join(Root, ".cache/huggingface/hub");

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Root);
        hub = await HubServer.StartAsync();
        hub.Add(new TestRepository("org/base") { Token = Token }.WithDirectory(place.Base));
        aligned = hub.Add(new TestRepository("org/aligned") { Token = Token }.WithDirectory(place.Aligned));
    }

    public async Task DisposeAsync()
    {
        node?.Dispose();
        await hub.DisposeAsync();
        place.Dispose();
    }

    [Fact]
    public void The_nodes_token_opens_models_and_stands_nowhere()
    {
        StartNode();
        RunResult plan = Run("plan", [.. Pair, "--out", "out", "--json"]);
        Assert.True(plan.ExitCode == 0, plan.ToString());
        JsonElement planned = plan.Json.GetProperty("hub");
        long download = planned.GetProperty("downloadBytes").GetInt64();
        Assert.Equal((Cache, 0L), (planned.GetProperty("cache").GetString(), planned.GetProperty("cachedBytes").GetInt64()));
        Assert.InRange(download, 39_000_000, 42_000_000);
        Assert.Equal(plan.Json.GetProperty("bytesWritten").GetInt64() + (4 << 20) + download, plan.Json.GetProperty("diskNeeded").GetInt64());
        Assert.False(Directory.Exists(Cache));

        RunResult merge = Run("merge", [.. Pair, "--out", "out", "--json"]);

        Assert.True(merge.ExitCode == 0, merge + node!.Errors);
        string job = merge.Json.GetProperty("job").GetString()!;
        RunResult[] said = [plan, merge, Run("jobs", "show", job, "--json"), Run("jobs", "show", job), Run("jobs", "list", "--json")];
        Assert.All(said, result => Assert.DoesNotContain("Secret", result.ToString(), StringComparison.Ordinal));
        Assert.DoesNotContain("Secret", node!.Errors, StringComparison.Ordinal);
        node.Signal("TERM");
        node.Wait();
        byte[] secret = Encoding.ASCII.GetBytes(Token);
        Assert.All(Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories), file => Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(secret) < 0, file));
        Assert.Contains("org/aligned@", File.ReadAllText(Path.Join(Root, "out", "expocluster.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_command_finds_its_job_and_another_merge_of_the_models_fetches_nothing()
    {
        StartNode();
        RunResult first = Run("merge", [.. Pair, "--out", "out", "--json"]);
        Assert.True(first.ExitCode == 0, first + node!.Errors);
        hub.Forget();

        RunResult again = Run("merge", [.. Pair, "--out", "out", "--json"]);
        RunResult other = Run("merge", ["--base", "hf:org/base", "--aligned", "hf:org/aligned", "--alpha", "0.5", "--out", "other", "--json"]);

        Assert.True(again.ExitCode == 0 && other.ExitCode == 0, again.ToString() + other);
        Assert.Equal(first.Json.GetProperty("job").GetString(), again.Json.GetProperty("job").GetString());
        Assert.Equal(0, hub.BytesSent);
    }

    [Fact]
    public void Two_jobs_that_need_the_same_files_fetch_them_once()
    {
        StartNode();
        hub.BytesPerSecond = 3_000_000;
        using ExpoProcess one = Start("merge", [.. Pair, "--out", "one", "--json"]);
        using ExpoProcess two = Start("merge", ["--base", "hf:org/base", "--aligned", "hf:org/aligned", "--alpha", "0.5", "--out", "two", "--json"]);

        RunResult[] both = [one.Wait(), two.Wait()];

        Assert.All(both, result => Assert.True(result.ExitCode == 0, result + node!.Errors));
        Assert.InRange(hub.BytesSent, 39_000_000, 44_000_000);
    }

    [Fact]
    public void What_the_Hub_refuses_is_told_to_whoever_submits()
    {
        hub.Add(new TestRepository("org/gated") { IsGated = true, Token = "hf_another" }.WithDirectory(place.Base));
        StartNode();

        RunResult gated = Run("merge", ["--base", "hf:org/gated", "--aligned", "hf:org/aligned", "--alpha", "0.3", "--out", "out", "--json"]);
        RunResult missing = Run("plan", ["--base", "hf:org/nothing", "--aligned", "hf:org/aligned", "--alpha", "0.3", "--json"]);

        Assert.Equal((3, "EXPO1155"), (gated.ExitCode, gated.Json.GetProperty("code").GetString()));
        Assert.Contains("the server's nodes", gated.Errors, StringComparison.Ordinal);
        Assert.Equal(3, missing.ExitCode);
        Assert.Contains("EXPO1152", missing.Errors, StringComparison.Ordinal);
        Assert.Empty(Run("jobs", "list", "--json").Json.GetProperty("jobs").EnumerateArray());
        Assert.False(Directory.Exists(Path.Join(Root, "out")));
    }

    [Fact]
    public void A_damaged_download_fails_the_job_and_names_the_file_and_resuming_fetches_that_one_again()
    {
        StartNode();
        hub.Add(Fault.Damages(Place.Storage, offset: 1_000_000) with { Times = 1_000, Target = aligned.Files["model.safetensors"].Etag });

        RunResult damaged = Run("merge", [.. Pair, "--out", "out", "--json"]);

        Assert.Equal("EXPO1168", damaged.Json.GetProperty("code").GetString());
        Assert.Contains($"hf:org/aligned@{aligned.Commit}/model.safetensors", damaged.Errors, StringComparison.Ordinal);
        hub.Heal();
        RunResult resumed = Run("merge", [.. Pair, "--out", "out", "--json"]);
        Assert.True(resumed.ExitCode == 0, resumed + node!.Errors);
        Assert.Equal(0, ExpoProcess.Run("verify", Path.Join(Root, "out")).ExitCode);
    }

    [Fact]
    public void A_node_killed_while_it_downloads_goes_on_where_it_was()
    {
        StartNode();
        hub.BytesPerSecond = 2_000_000;
        using ExpoProcess merge = Start("merge", [.. Pair, "--out", "out", "--json"]);
        for (var clock = Stopwatch.StartNew(); hub.BytesSent < 25_000_000; Thread.Sleep(20))
        {
            Assert.True(clock.Elapsed < Patience && !merge.HasExited, merge.Errors + node!.Errors);
        }

        node!.Kill();
        node.Dispose();
        hub.BytesPerSecond = null;
        StartNode();
        RunResult merged = merge.Wait();

        Assert.True(merged.ExitCode == 0, merged + node!.Errors);
        Assert.InRange(hub.BytesSent, 39_000_000, 41_000_000 + (2 * 4 * (5 << 20)));
    }

    private static string[] Pair => ["--base", "hf:org/base", "--aligned", "hf:org/aligned", "--alpha", "0.3"];

    private RunResult Run(string command, params string[] arguments)
    {
        using ExpoProcess process = Start(command, arguments);
        return process.Wait();
    }

    private ExpoProcess Start(string command, params string[] arguments) => ExpoProcess.Start([command, .. arguments, "--server", server]);

    private void StartNode()
    {
        var variables = new Dictionary<string, string>
        {
            ["HF_ENDPOINT"] = hub.Endpoint, ["HF_HOME"] = place.PathOf("home"), ["HF_HUB_DOWNLOAD_TIMEOUT"] = "5", ["HF_TOKEN"] = Token,
        };
        node = ExpoProcess.Start(
            variables,
            "node", "--port", "0", "--http", server, "--database", "sqlite:" + Path.Join(Root, "expocluster.db"), "--storage-root", Root, "--lanes", "2");
        NodeProcesses.WaitFor(node, "serving ");
    }
}
