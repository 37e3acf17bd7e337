using System.Diagnostics;
using System.Globalization;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.TestHub;

namespace ExpoCluster.EndToEnd;

/// <summary>A published model by its name on a cluster of real processes, from a test Hub, while workers that download are killed.</summary>
public sealed class HubClusterTests : IAsyncLifetime
{
    private const string Recipe = "snorkel-mistral-pairrm";
    private const string Token = "hf_theSecretOfTheNodes";

    // What a killed worker had not recorded yet: two files, four connections each, four MiB of a range, and what lies in sockets.
    private const long InFlightBytes = 2 * 4 * ((4 << 20) + (1 << 20));

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Workplace place = new();
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly Uri web = new($"http://127.0.0.1:{PostgresServer.FreePort()}");
    private readonly List<ExpoProcess> nodes = [];
    private HubServer hub = null!;

    private string Root => place.PathOf("storage");

    private string Cache => Path.Join(Root, ".cache/huggingface/hub");

    private Dictionary<string, string> Variables => new()
    {
        ["HF_ENDPOINT"] = hub.Endpoint, ["HF_HOME"] = place.PathOf("home"), ["HF_HUB_DOWNLOAD_TIMEOUT"] = "5", ["HF_TOKEN"] = Token,
    };

    private string Logs => string.Join("\n---\n", nodes.Select(node => node.Errors));

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(Root);
        hub = await HubServer.StartAsync();
    }

    public async Task DisposeAsync()
    {
        nodes.ForEach(node => node.Dispose());
        await hub.DisposeAsync();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public async Task A_name_is_the_whole_command_though_the_worker_that_downloads_dies()
    {
        long bytes = Publish(scale: "0.1");
        RunResult embedded = ExpoProcess.Run(Variables, "merge", Recipe, "--no-cache", "--out", place.PathOf("embedded"), "--json");
        Assert.True(embedded.ExitCode == 0, embedded.ToString());
        hub.Forget();
        hub.BytesPerSecond = 2_000_000;
        StartCluster(workers: 3);
        using ExpoProcess merge = Merge("models/x");

        await UntilAsync(() => hub.BytesSent > bytes / 4, merge);
        Job job = await TransferringAsync();
        JobTransfer underWay = job.Transfers!.UnderWay!.First(transfer => transfer.BytesDone > 0);
        NodeOf(underWay.Worker).Kill();
        hub.BytesPerSecond = null;
        RunResult merged = merge.Wait();

        Assert.True(merged.ExitCode == 0, merged + Logs);
        Assert.Contains("transferring", merged.Errors, StringComparison.Ordinal);
        Assert.Equal(Workplace.Digests(place.PathOf("embedded")), Workplace.Digests(Path.Join(Root, "models/x")));
        Assert.InRange(hub.BytesSent, bytes, bytes + InFlightBytes);
        AssertCacheIsSound();
    }

    private void StartCluster(int workers)
    {
        Start("coordinator,web", "--http", web.ToString());
        for (int worker = 0; worker < workers; worker++)
        {
            Start("worker");
        }

        NodeProcesses.WaitForMembers([.. nodes]);
    }

    private void Start(string roles, params string[] more) => nodes.Add(ExpoProcess.Start(
        Variables, ["node", "--roles", roles, "--port", "0", "--database", database!.Url, "--storage-root", Root, "--lanes", "1", .. more]));

    private ExpoProcess Merge(string output) => ExpoProcess.Start("merge", Recipe, "--server", web.ToString(), "--out", output, "--json");

    /// <returns>Bytes of the files that a merge needs.</returns>
    private long Publish(string scale)
    {
        RunResult sample = ExpoProcess.Run("sample", place.PathOf("sample"), "--like", Recipe, "--scale", scale);
        Assert.True(sample.ExitCode == 0, sample.ToString());
        TestRepository aligned = hub.Add(new TestRepository("snorkelai/Snorkel-Mistral-PairRM-DPO") { Token = Token }.WithDirectory(place.PathOf("sample/aligned")));
        TestRepository original = hub.Add(new TestRepository("mistralai/Mistral-7B-Instruct-v0.2") { Token = Token }.WithDirectory(place.PathOf("sample/base")));
        return aligned.Files.Where(file => file.Key != "training_args.bin").Sum(file => file.Value.ByteLength)
            + original.Files.Where(file => file.Key.StartsWith("model", StringComparison.Ordinal)).Sum(file => file.Value.ByteLength);
    }

    private async Task<Job> TransferringAsync()
    {
        using var client = new ExpoClusterClient(web);
        Job? found = null;
        await UntilAsync(() =>
        {
            Job listed = client.ListAsync(new JobQuery()).GetAwaiter().GetResult().Jobs.Single();
            found = client.ShowAsync(listed.Id).GetAwaiter().GetResult();
            return found.Transfers?.UnderWay?.Any(transfer => transfer.BytesDone > 0) == true;
        });
        return found!;
    }

    // A worker's name is its address and the number of its process's incarnation.
    private ExpoProcess NodeOf(string worker) => nodes.Single(node =>
        node.Errors.Contains($"member of the cluster as akka.ssl.tcp://expocluster@{worker.Split('#')[0]} ", StringComparison.Ordinal));

    private async Task UntilAsync(Func<bool> holds, ExpoProcess? process = null)
    {
        for (var clock = Stopwatch.StartNew(); !holds(); await Task.Delay(50))
        {
            Assert.True(clock.Elapsed < Patience && process?.HasExited != true, string.Create(CultureInfo.InvariantCulture, $"{process?.Errors}\n{Logs}"));
        }
    }

    private void AssertCacheIsSound()
    {
        string[] files = Directory.GetFiles(Cache, "*", SearchOption.AllDirectories);
        Assert.DoesNotContain(files, path => path.Contains(".expocluster.", StringComparison.Ordinal));
        Assert.All(files.Where(path => path.Contains("/blobs/", StringComparison.Ordinal) && Path.GetFileName(path).Length == 64), path =>
        {
            using FileStream stream = File.OpenRead(path);
            Assert.Equal(Path.GetFileName(path), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(stream)));
        });
    }
}
