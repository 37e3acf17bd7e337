using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.EndToEnd;

/// <summary>Jobs that share workers, and workers that share a job, as real processes.</summary>
public sealed class SharingTests : IDisposable
{
    private const string Rate = "8MB";

    private readonly Workplace place = new("512MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;

    public SharingTests() => nodes = new NodeProcesses(database!, place.Root);

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public async Task A_job_that_comes_later_gets_its_share_and_a_worker_that_joins_helps()
    {
        NodeProcesses.WaitForMembers(nodes.Start("coordinator"), StartWorker(), StartWorker());
        await using SubmittingNode user = await SubmittingNode.JoinAsync(database!, place.Root);
        await user.SubmitAsync("first", place, place.PathOf("one"));
        await user.WaitForAsync("first", now => now.Committed >= 2, () => nodes.Logs);
        int before = (await user.LookAsync("first")).Committed;
        await user.SubmitAsync("second", place, place.PathOf("two"), alpha: 0.5);

        JobProgress second = await user.WaitForAsync("second", now => now.Committed >= 4, () => nodes.Logs);
        JobProgress first = await user.LookAsync("first");
        Assert.Equal("running", first.State);
        Assert.True(first.Committed - before < 3 * second.Committed, $"{before} {first.Committed} {second.Committed}");

        NodeProcesses.WaitForMembers(StartWorker());
        await AssertAllWorkersHelpAsync(user, "second");
    }

    private async Task AssertAllWorkersHelpAsync(SubmittingNode user, string job)
    {
        var seen = new HashSet<string>();
        await user.WaitForAsync(
            job,
            now =>
            {
                seen.UnionWith(now.Lanes.Select(lane => lane.Worker));
                Assert.True(seen.Count == 3 || now.State == "running", $"{string.Join(' ', seen)}\n{now}");
                return seen.Count == 3;
            },
            () => nodes.Logs);
    }

    private ExpoProcess StartWorker() => nodes.Start("worker", 0, "--max-rate", Rate);
}
