using ExpoCluster.Client.Nodes;
using ExpoCluster.Server.Jobs;
using ExpoCluster.Server.Nodes;
using ExpoCluster.Server.Tests.Api;

namespace ExpoCluster.Server.Tests.Jobs;

/// <summary>A node all of whose planners read what does not answer.</summary>
public sealed class StuckPlannersTests : ApiScene
{
    [Fact]
    public async Task It_is_not_ready_and_says_why()
    {
        using var answer = new ManualResetEventSlim();
        var clock = new SteppedClock();
        using var slots = new PlannerSlots(1, TimeSpan.FromMilliseconds(50), clock);
        var desk = new JobDesk(Node.Node, Node.Register, new LiveJobs(Node.Node, TimeProvider.System), new PublishedStatistics());
        using var submission = new JobSubmission(Node.Register, Node.Plans, desk, Node.Hub, Node.Storage, TimeProvider.System) { Planners = slots };
        await Assert.ThrowsAsync<PlannerException>(() => slots.RunAsync(_ => answer.Wait(Patience, CancellationToken.None), CancellationToken.None));
        Assert.Equal("ok", (await HealthAsync(submission)).Status);

        clock.Advance(TimeSpan.FromSeconds(11));
        NodeHealth health = await HealthAsync(submission);
        answer.Set();

        Assert.Equal("unavailable", health.Status);
        Assert.Equal(["cluster", "database", "storage", "planners"], health.Checks.Select(check => check.Name));
        Assert.StartsWith("all 1 planners are stuck", Assert.Single(health.Checks, check => !check.Holds).Reason, StringComparison.Ordinal);
    }

    private Task<NodeHealth> HealthAsync(JobSubmission submission) => new NodeReadiness(Node, submission).CheckAsync(CancellationToken.None);
}
