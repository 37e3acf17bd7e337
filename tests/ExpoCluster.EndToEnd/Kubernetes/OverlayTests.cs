using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Jobs;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd.Kubernetes;

/// <summary>Clusters with the settings of <c>k8s/overlays</c>, in processes that come and go as pods do.</summary>
public sealed class OverlayTests(ITestOutputHelper output) : IDisposable
{
    private const string Web = "expocluster-web";
    private const string Worker = "expocluster-worker";
    private const string Single = "expocluster";
    private const string Forming = "no cluster is alive: forming one";
    private const string Rate = "EXPOCLUSTER_MAX_RATE";

    private readonly Workplace place = new("128MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private PodProcesses? running;

    public void Dispose()
    {
        running?.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres, Needs.Kubectl)]
    public async Task Pods_that_come_back_elsewhere_are_one_cluster_and_so_are_more_of_them_and_all_of_them_after_a_restart()
    {
        PodProcesses pods = Pods("local", database);
        pods.StartAll();
        await AssertFormedOnceAsync(pods);

        // Two machines are lost; Kubernetes makes their pods anew on others.
        pods.Kill(pods.Of(Worker)[0]);
        pods.Kill(pods.Of(Web)[0]);
        Pod[] replacements = [pods.Start(Worker), pods.Start(Web)];
        await pods.AssertOneClusterAsync();
        Assert.All(replacements, pod => Assert.DoesNotContain(Forming, pod.Process.Errors, StringComparison.Ordinal));

        pods.Scale(Worker, 4);
        await pods.AssertOneClusterAsync();
        Assert.Equal(6, pods.All.Length);
        Assert.DoesNotContain(Forming, pods.Of(Worker)[^1].Process.Errors, StringComparison.Ordinal);

        // Everything is lost at once, and the database says that there are six members.
        Array.ForEach([.. pods.All], pods.Kill);
        pods.StartAll();
        await AssertFormedOnceAsync(pods);

        // Scaled to nothing, and back.
        await Task.WhenAll([.. pods.Of(Web).Select(pod => pods.EndAsync(Web, pod)), .. pods.Of(Worker).Select(pod => pods.EndAsync(Worker, pod))]);
        pods.StartAll();
        await AssertFormedOnceAsync(pods);
    }

    [LongFact(Needs.Postgres, Needs.Kubectl)]
    public async Task Every_node_of_a_running_cluster_is_replaced_one_by_one_and_all_jobs_complete_with_the_same_bytes()
    {
        SortedDictionary<string, string> expected = MergeEmbedded();
        PodProcesses pods = Pods("local", database);
        pods.More[Rate] = "6MB";
        pods.StartAll();
        await pods.AssertOneClusterAsync();
        Pod[] before = [.. pods.All];
        using var stop = new CancellationTokenSource();
        var jobs = new ConcurrentQueue<string>();
        Task[] load = [KeepMergingAsync(pods, "a", jobs, stop.Token), KeepMergingAsync(pods, "b", jobs, stop.Token)];
        while (jobs.Count < 2)
        {
            await Task.Delay(50);
        }

        var clock = Stopwatch.StartNew();
        await Task.WhenAll(pods.RollAsync(Web), pods.RollAsync(Worker));
        output.WriteLine($"{before.Length} nodes replaced in {clock.Elapsed}, under {jobs.Count} jobs");
        await stop.CancelAsync();
        await Task.WhenAll(load);

        Assert.Empty(before.Intersect(pods.All));
        Assert.Equal(before.Length, pods.All.Length);
        await pods.AssertOneClusterAsync();
        await Task.WhenAll(jobs.Select(job => WaitUntilTidyAsync(place.PathOf(job))));
        Assert.All(jobs, job =>
        {
            Assert.Equal(expected, Workplace.Digests(place.PathOf(job)));
            Assert.Equal(JobPhase.Done, JournalledEvent.AssertConsistent(JournalledEvent.Of(job, database!)).Phase);
        });
        // A part takes some ten seconds here. docs/operations.md says where those beyond it go.
        TimeSpan pause = jobs.Max(LongestPause);
        output.WriteLine($"longest time between two commits of a job: {pause}");
        Assert.True(pause.TotalSeconds < 30, $"{pause}\n{pods.Logs}");
        // Nobody was given up: all who went said farewell.
        Assert.Equal("0", database!.Query("select count(*) from expocluster_removed"));
    }

    [LongFact(Needs.Postgres, Needs.Kubectl)]
    public async Task Production_serves_HTTPS_and_nothing_else_and_merges()
    {
        PodProcesses pods = Pods("production", database);
        pods.StartAll();
        await pods.AssertOneClusterAsync();
        Uri server = pods.Of(Web)[0].Http;
        Assert.Equal(("https", 8443), (server.Scheme, server.Port));

        RunResult merged = Merge(server, pods);

        Assert.True(merged.ExitCode == 0, merged + pods.Logs);
        await WaitUntilTidyAsync(place.Output);
        Assert.Equal(MergeEmbedded(), Workplace.Digests(place.Output));
        Assert.Contains("akka.ssl.tcp://", pods.Logs, StringComparison.Ordinal);
        string plain = new UriBuilder(server) { Scheme = "http" }.Uri.ToString();
        Assert.Equal(1, ExpoProcess.Run("jobs", "list", "--server", plain, "--token-file", pods.TokenFile).ExitCode);
    }

    [LongFact(Needs.Kubectl)]
    public async Task A_single_pod_that_is_lost_goes_on_with_its_job_when_it_is_back()
    {
        PodProcesses pods = Pods("single", database: null);
        pods.More[Rate] = "20MB";
        Pod pod = pods.Start(Single);
        await pods.WaitUntilReadyAsync(Single, pod);
        using (ExpoProcess client = ExpoProcess.Start(Arguments(pod.Http, pods)))
        {
            NodeProcesses.WaitFor(client, "running");
            pods.Kill(pod);
        }

        Pod again = pods.Start(Single);
        await pods.WaitUntilReadyAsync(Single, again);
        RunResult merged = Merge(again.Http, pods);

        Assert.True(merged.ExitCode == 0, merged + pods.Logs);
        await WaitUntilTidyAsync(place.Output);
        Assert.Equal(MergeEmbedded(), Workplace.Digests(place.Output));
        await pods.EndAsync(Single, again);
    }

    private PodProcesses Pods(string overlay, PostgresServer? database) => running = new PodProcesses(overlay, place.Root, database);

    private static async Task AssertFormedOnceAsync(PodProcesses pods)
    {
        await pods.AssertOneClusterAsync();
        Assert.Single(pods.All, pod => pod.Process.Errors.Contains(Forming, StringComparison.Ordinal));
    }

    // One job after the other, until it is told to stop; then the last one is waited for.
    private static async Task KeepMergingAsync(PodProcesses pods, string name, ConcurrentQueue<string> jobs, CancellationToken stop)
    {
        for (int number = 1; !stop.IsCancellationRequested; number++)
        {
            string job = $"{name}{number}";
            await pods.AskAsync(client => client.SubmitAsync(
                new RecipeRequest { Id = job, Base = "base", Aligned = "aligned", Alpha = JsonValue.Create(0.3), Output = job }, CancellationToken.None));
            jobs.Enqueue(job);
            Job ended = await pods.WaitUntilEndedAsync(job);
            Assert.True(ended.State == JobStates.Done, $"{ended}\n{pods.Logs}");
        }
    }

    private TimeSpan LongestPause(string job)
    {
        DateTimeOffset[] commits = [.. JournalledEvent.Of(job, database!).Where(row => row.Event is JobEvent.PartsCommitted).Select(row => row.At)];
        return commits.Zip(commits.Skip(1), (earlier, later) => later - earlier).DefaultIfEmpty().Max();
    }

    private SortedDictionary<string, string> MergeEmbedded()
    {
        string expected = place.PathOf("expected");
        RunResult embedded = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", expected, "--json");
        Assert.True(embedded.ExitCode == 0, embedded.ToString());
        return Workplace.Digests(expected);
    }

    // What is left of the work goes after the job is done; a file of it that stays is a difference.
    private static async Task WaitUntilTidyAsync(string output)
    {
        for (var clock = Stopwatch.StartNew(); Directory.Exists(Path.Join(output, ".expocluster")) && clock.Elapsed.TotalSeconds < 10; await Task.Delay(100))
        {
        }
    }

    private static RunResult Merge(Uri server, PodProcesses pods) => ExpoProcess.Run(Arguments(server, pods));

    private static string[] Arguments(Uri server, PodProcesses pods) =>
    [
        "merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json",
        "--server", server.ToString(), "--token-file", pods.TokenFile, "--tls-ca", pods.AuthorityFile,
    ];
}
