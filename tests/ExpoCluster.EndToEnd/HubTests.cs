using System.Diagnostics;
using System.Text.Json;
using ExpoCluster.TestHub;

namespace ExpoCluster.EndToEnd;

/// <summary>The program against a test Hub: planned, downloaded, killed, resumed, offline, and read straight through.</summary>
public sealed class HubTests : IAsyncLifetime
{
    private readonly Workplace place = new("60MB");
    private HubServer server = null!;
    private TestRepository aligned = null!;

    private string Cache => place.PathOf("cache");

    private Dictionary<string, string> Variables => new()
    {
        ["HF_ENDPOINT"] = server.Endpoint, ["HF_HOME"] = place.PathOf("home"), ["HF_HUB_CACHE"] = Cache, ["HF_HUB_DOWNLOAD_TIMEOUT"] = "5",
    };

    public async Task InitializeAsync()
    {
        server = await HubServer.StartAsync();
        server.Add(new TestRepository("org/base").WithDirectory(place.Base));
        aligned = server.Add(new TestRepository("org/aligned").WithDirectory(place.Aligned));
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        place.Dispose();
    }

    [Fact]
    public void A_merge_by_references_gives_what_the_same_files_on_disk_give()
    {
        SortedDictionary<string, string> local = MergeLocally();

        RunResult merge = Run(Merge());

        Assert.True(merge.ExitCode == 0, merge.ToString());
        AssertSameModel(local);
        Assert.Contains("transferring", merge.Errors, StringComparison.Ordinal);
        JsonElement record = JsonDocument.Parse(File.ReadAllText(Path.Join(place.Output, "expocluster.json"))).RootElement;
        Assert.Equal($"hf:org/aligned@{aligned.Commit}", record.GetProperty("recipe").GetProperty("aligned").GetString());
        Assert.Equal(0, Run("verify", place.Output).ExitCode);
    }

    [Fact]
    public void Diff_reads_models_of_the_Hub_through_and_keeps_nothing()
    {
        RunResult local = ExpoProcess.Run("diff", place.Base, place.Aligned, "--alpha", "0.3", "--json");

        RunResult remote = Run("diff", "hf:org/base", "hf:org/aligned", "--alpha", "0.3", "--json", "--hub-cache", Cache);

        Assert.True(remote.ExitCode == 0, remote.ToString());
        Assert.Equal(local.Json.GetProperty("total").GetRawText(), remote.Json.GetProperty("total").GetRawText());
        Assert.False(Directory.Exists(Cache) && Directory.EnumerateFiles(Cache, "*", SearchOption.AllDirectories).Any(file => new FileInfo(file).Length > 1_000_000));
    }

    [Fact]
    public void The_same_command_again_finds_its_output_and_offline_too()
    {
        Assert.Equal(0, Run(Merge()).ExitCode);
        server.Forget();

        RunResult again = Run(Merge());
        Assert.Equal((0, 0), (again.ExitCode, again.Json.GetProperty("parts").GetProperty("computed").GetInt32()));
        Assert.Equal(0, server.BytesSent);

        Dictionary<string, string> offline = Variables;
        offline["HF_HUB_OFFLINE"] = "1";
        server.Forget();
        using ExpoProcess process = ExpoProcess.Start(offline, ["merge", "--base", "hf:org/base", "--aligned", "hf:org/aligned", "--alpha", "0.3", "--out", place.PathOf("other")]);
        RunResult other = process.Wait();
        Assert.True(other.ExitCode == 0, other.ToString());
        Assert.Empty(server.Exchanges);
    }

    [Fact]
    public void The_same_command_finds_its_output_although_the_cache_was_emptied()
    {
        Assert.Equal(0, Run(Merge()).ExitCode);
        Directory.Delete(Cache, recursive: true);
        server.Forget();

        RunResult again = Run(Merge());

        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Equal(0, again.Json.GetProperty("parts").GetProperty("computed").GetInt32());
        // Headers, and a sample of 0.8 MB.
        Assert.InRange(server.BytesSent, 1, 1_500_000);
        Assert.False(Directory.Exists(Cache));
    }

    [Fact]
    public void Plan_and_inspect_download_nothing_and_say_what_a_merge_would()
    {
        RunResult plan = Run("plan", "--base", "hf:org/base", "--aligned", "hf:org/aligned", "--alpha", "0.3", "--out", place.Output, "--json");
        Assert.True(plan.ExitCode == 0, plan.ToString());
        JsonElement hub = plan.Json.GetProperty("hub");
        Assert.Equal($"hf:org/aligned@{aligned.Commit}", hub.GetProperty("aligned").GetString());
        Assert.InRange(hub.GetProperty("downloadBytes").GetInt64(), 119_000_000, 121_000_000);
        Assert.Equal((Cache, 0L), (hub.GetProperty("cache").GetString(), hub.GetProperty("cachedBytes").GetInt64()));

        RunResult text = Run("plan", "--base", "hf:org/base", "--aligned", "hf:org/aligned", "--alpha", "0.3", "--no-cache");
        Assert.Contains("nothing is kept", text.Output, StringComparison.Ordinal);

        RunResult inspect = Run("inspect", "hf:org/aligned", "--json");
        Assert.True(inspect.ExitCode == 0, inspect.ToString());
        // Headers three times, and a sample of 0.8 MB twice.
        Assert.InRange(server.BytesSent, 1, 3_000_000);
        Assert.False(Directory.Exists(Cache));
    }

    [Fact]
    public void Killed_in_mid_download_the_same_command_resumes_and_the_cache_is_sound()
    {
        SortedDictionary<string, string> local = MergeLocally();
        server.BytesPerSecond = 4_000_000;
        using (ExpoProcess process = ExpoProcess.Start(Variables, Merge()))
        {
            WaitFor(() => server.BytesSent > 50_000_000, process);
            process.Kill();
            Assert.NotEqual(0, process.Wait().ExitCode);
        }

        Assert.DoesNotContain(NamedBlobs(), blob => new FileInfo(blob).Length > 1_000_000);
        server.BytesPerSecond = null;
        server.Forget();
        RunResult resumed = Run(Merge());

        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        AssertSameModel(local);
        AssertCacheIsSound();
        Assert.InRange(server.BytesSent, 1, 119_000_000);
    }

    [Fact]
    public void Killed_again_and_again_it_comes_to_its_end()
    {
        SortedDictionary<string, string> local = MergeLocally();
        server.BytesPerSecond = 12_000_000;
        for (int kill = 0; kill < 5; kill++)
        {
            long before = server.BytesSent;
            using ExpoProcess process = ExpoProcess.Start(Variables, Merge());
            WaitFor(() => server.BytesSent > before + 15_000_000 || process.HasExited, process);
            process.Kill();
            process.Wait();
        }

        server.BytesPerSecond = null;
        RunResult finished = Run(Merge());

        Assert.True(finished.ExitCode == 0, finished.ToString());
        AssertSameModel(local);
        AssertCacheIsSound();
    }

    [Fact]
    public void Interrupted_in_mid_download_it_stops_within_seconds_and_keeps_to_its_commit()
    {
        server.BytesPerSecond = 3_000_000;
        string commit = aligned.Commit;
        using (ExpoProcess process = ExpoProcess.Start(Variables, Merge()))
        {
            WaitFor(() => server.BytesSent > 10_000_000, process);
            var clock = Stopwatch.StartNew();
            process.Signal("INT");
            RunResult interrupted = process.Wait();
            Assert.True(interrupted.ExitCode == 130, interrupted.ToString());
            Assert.InRange(clock.Elapsed.TotalSeconds, 0, 15);
            Assert.Equal("interrupted", interrupted.Json.GetProperty("status").GetString());
        }

        aligned.Push("moved on");
        server.BytesPerSecond = null;
        RunResult resumed = Run(Merge());

        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        JsonElement record = JsonDocument.Parse(File.ReadAllText(Path.Join(place.Output, "expocluster.json"))).RootElement;
        Assert.Equal($"hf:org/aligned@{commit}", record.GetProperty("recipe").GetProperty("aligned").GetString());
        Assert.False(Directory.Exists(Path.Join(place.Output, ".expocluster")));
    }

    [Fact]
    public void Without_cache_the_inputs_are_read_once_and_nothing_is_kept()
    {
        SortedDictionary<string, string> local = MergeLocally();

        RunResult merge = Run(Merge("--no-cache"));

        Assert.True(merge.ExitCode == 0, merge.ToString());
        AssertSameModel(local);
        Assert.False(Directory.Exists(Cache));
        Assert.InRange(server.BytesSent, 119_000_000, 123_000_000);
        Assert.Equal(0, Run(Merge("--no-cache")).Json.GetProperty("parts").GetProperty("computed").GetInt32());
    }

    [Fact]
    public void Without_cache_a_killed_merge_resumes()
    {
        SortedDictionary<string, string> local = MergeLocally();
        server.BytesPerSecond = 12_000_000;
        using (ExpoProcess process = ExpoProcess.Start(Variables, Merge("--no-cache", "--lanes", "1")))
        {
            WaitFor(() => server.BytesSent > 90_000_000, process);
            process.Kill();
            process.Wait();
        }

        server.BytesPerSecond = null;
        RunResult resumed = Run(Merge("--no-cache"));

        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        Assert.True(resumed.Json.GetProperty("parts").GetProperty("reused").GetInt32() > 0, resumed.ToString());
        AssertSameModel(local);
    }

    [Fact]
    public void Without_cache_an_interrupted_merge_stops_within_seconds()
    {
        server.BytesPerSecond = 1_000_000;
        using ExpoProcess process = ExpoProcess.Start(Variables, Merge("--no-cache"));
        WaitFor(() => server.BytesSent > 3_000_000, process);
        var clock = Stopwatch.StartNew();

        process.Signal("INT");

        RunResult interrupted = process.Wait();
        Assert.True(interrupted.ExitCode == 130, interrupted.ToString());
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 15);
        server.BytesPerSecond = null;
        RunResult resumed = Run(Merge("--no-cache"));
        Assert.True(resumed.ExitCode == 0, resumed.ToString());
    }

    [Fact]
    public void Without_cache_an_outage_suspends_the_merge_and_it_can_be_resumed()
    {
        SortedDictionary<string, string> local = MergeLocally();
        server.Add(Fault.Status(Place.Storage, 404) with { Times = 1_000_000, After = 4 });
        Dictionary<string, string> variables = Variables;

        // Without a sample, which would be the first to meet the outage.
        using (ExpoProcess process = ExpoProcess.Start(variables, Merge("--no-cache", "--no-sample")))
        {
            RunResult suspended = process.Wait();
            Assert.True(suspended.ExitCode == 3, suspended.ToString());
            Assert.Equal("suspended", suspended.Json.GetProperty("status").GetString());
            Assert.Contains("EXPO1161", suspended.Errors, StringComparison.Ordinal);
        }

        server.Heal();
        RunResult resumed = Run(Merge("--no-cache"));
        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        AssertSameModel(local);
    }

    [Fact]
    public void A_gated_model_is_an_input_error_that_says_what_to_do_and_never_the_token()
    {
        server.Add(new TestRepository("org/gated") { IsGated = true, Token = "hf_theRightSecret" }.WithDirectory(place.Base));
        Dictionary<string, string> variables = Variables;
        variables["HF_TOKEN"] = "hf_theWrongSecret";
        using ExpoProcess process = ExpoProcess.Start(
            variables, "merge", "--base", "hf:org/gated", "--aligned", "hf:org/aligned", "--alpha", "0.3", "--out", place.Output, "--json");

        RunResult refused = process.Wait();

        Assert.Equal((3, "EXPO1155"), (refused.ExitCode, refused.Json.GetProperty("code").GetString()));
        Assert.Contains($"{server.Endpoint}/org/gated", refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Secret", refused.ToString(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(place.Output));
    }

    [Fact]
    public void A_cache_given_by_option_is_the_one_that_is_used()
    {
        RunResult merge = Run(Merge("--hub-cache", place.PathOf("mine")));

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.True(Directory.Exists(Path.Join(place.PathOf("mine"), "models--org--aligned", "snapshots", aligned.Commit)));
        Assert.False(Directory.Exists(Cache));
    }

    [Fact]
    public void The_cache_of_another_tool_is_enough_with_no_Hub_at_all()
    {
        string snapshot = Path.Join(Cache, "models--org--aligned", "snapshots", aligned.Commit);
        Directory.CreateDirectory(Path.GetDirectoryName(snapshot)!);
        Process.Start("cp", ["-r", place.Aligned, snapshot]).WaitForExit();
        Dictionary<string, string> variables = Variables;
        variables["HF_ENDPOINT"] = "http://127.0.0.1:9";
        using ExpoProcess process = ExpoProcess.Start(variables, "inspect", $"hf:org/aligned@{aligned.Commit}", "--json");

        RunResult inspect = process.Wait();

        Assert.True(inspect.ExitCode == 0, inspect.ToString());
    }

    private string[] Merge(params string[] more) =>
        ["merge", "--base", "hf:org/base", "--aligned", "hf:org/aligned", "--alpha", "0.3", "--out", place.Output, "--json", .. more];

    private RunResult Run(params string[] arguments)
    {
        using ExpoProcess process = ExpoProcess.Start(Variables, arguments);
        return process.Wait();
    }

    private SortedDictionary<string, string> MergeLocally()
    {
        string output = place.PathOf("local");
        RunResult merge = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", output);
        Assert.True(merge.ExitCode == 0, merge.ToString());
        return Workplace.Digests(output);
    }

    // Record and model card name the inputs, and these have other names here.
    private void AssertSameModel(SortedDictionary<string, string> local)
    {
        SortedDictionary<string, string> found = Workplace.Digests(place.Output);
        Assert.Equal(local.Keys, found.Keys);
        Assert.All(local.Keys.Except(["README.md", "expocluster.json"]), name => Assert.Equal(local[name], found[name]));
    }

    private IEnumerable<string> NamedBlobs() => Directory
        .EnumerateFiles(Cache, "*", SearchOption.AllDirectories)
        .Where(path => Path.GetFileName(Path.GetDirectoryName(path)) == "blobs" && Path.GetFileName(path).Length is 40 or 64);

    private void AssertCacheIsSound()
    {
        Assert.All(NamedBlobs().Where(path => Path.GetFileName(path).Length == 64), path =>
        {
            using FileStream stream = File.OpenRead(path);
            Assert.Equal(Path.GetFileName(path), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream)));
        });
        Assert.DoesNotContain(
            Directory.EnumerateFiles(Cache, "*", SearchOption.AllDirectories), path => path.Contains(".expocluster.", StringComparison.Ordinal));
    }

    private static void WaitFor(Func<bool> condition, ExpoProcess process)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.False(process.HasExited, process.Errors);
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60), "it did not come to that within a minute");
            Thread.Sleep(20);
        }
    }
}
