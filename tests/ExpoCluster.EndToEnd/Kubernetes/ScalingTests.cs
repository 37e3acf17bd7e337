using System.Diagnostics;
using ExpoCluster.Client.Jobs;

namespace ExpoCluster.EndToEnd.Kubernetes;

/// <summary>A cluster whose workers come and go with the work, down to none.</summary>
public sealed class ScalingTests : IDisposable
{
    private const string Web = "expocluster-web";
    private const string Worker = "expocluster-worker";
    private const string Wanted = "expocluster_lanes_wanted";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace place = new("70MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private PodProcesses? pods;

    public void Dispose()
    {
        pods?.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres, Needs.Kubectl)]
    public async Task A_merge_without_a_worker_waits_and_says_so_and_is_asked_for_by_the_metric_until_the_first_worker_has_done_it()
    {
        pods = new PodProcesses("local+keda", place.Root, database) { More = { ["EXPOCLUSTER_LANES"] = "1" } };
        pods.StartAll();
        await pods.AssertOneClusterAsync();
        Assert.Empty(pods.Of(Worker));
        Assert.Equal(0, await WantedAsync());

        using ExpoProcess client = ExpoProcess.Start(
            "merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--server", pods.Of(Web)[0].Http.ToString(), "--token-file", pods.TokenFile);
        NodeProcesses.WaitFor(client, "waiting: the job waits for a worker");
        await UntilAsync(async () => await WantedAsync() > 0);

        // As many as there are parts, of which this pair has a few: KEDA's target of 16 asks for one worker.
        Job waiting = Assert.Single((await pods.AskAsync(one => one.ListAsync(new JobQuery()))).Jobs);
        Assert.Equal(waiting.Parts.Total, await WantedAsync());
        Assert.Equal((JobStates.Queued, "EXPO3016"), (waiting.State, waiting.Reason?.Code));
        Job shown = await pods.AskAsync(one => one.ShowAsync(waiting.Id));
        Assert.Equal((JobStates.Queued, "EXPO3016", 0), (shown.State, shown.Reason?.Code, shown.Parts.Assigned));

        pods.Start(Worker);
        RunResult merged = await Task.Run(client.Wait);

        Assert.True(merged.ExitCode == 0, merged + pods.Logs);
        Assert.Contains("it goes on", merged.Errors, StringComparison.Ordinal);
        await UntilAsync(async () => await WantedAsync() == 0);
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
        string states = database!.Query($"select string_agg(state, ',' order by sequence) from expocluster_job_states where job = '{waiting.Id}'");
        Assert.Equal("queued,running,publishing,done", states);

        // Back to none: the next merge waits again.
        Pod worker = Assert.Single(pods.Of(Worker));
        await pods.EndAsync(Worker, worker);
        await pods.AskAsync(one => one.SubmitAsync(new RecipeRequest { Id = "next", Base = "base", Aligned = "aligned", Alpha = 0.5, Output = "next" }, CancellationToken.None));
        await UntilAsync(async () => (await pods.AskAsync(one => one.ShowAsync("next"))).Reason?.Code == "EXPO3016");
        await UntilAsync(async () => await WantedAsync() > 0);
        await pods.AskAsync(one => one.CancelAsync("next"));
        await UntilAsync(async () => await WantedAsync() == 0);
    }

    // What the query of KEDA and of the adapter comes to: the sum over the nodes that are there.
    private async Task<double> WantedAsync()
    {
        double sum = 0;
        foreach (Pod pod in pods!.All)
        {
            sum += await pods.MeasureAsync(pod, Wanted);
        }

        return sum;
    }

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var clock = Stopwatch.StartNew(); !await holds(); await Task.Delay(100))
        {
            Assert.True(clock.Elapsed < Patience, pods!.Logs);
        }
    }
}
