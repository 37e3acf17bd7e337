using System.Net;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Server.Tests.Api;

public sealed class JobListTests : ApiScene
{
    [Fact]
    public async Task It_comes_newest_first_a_page_at_a_time()
    {
        for (int number = 1; number <= 5; number++)
        {
            await FinishedAsync(Recipe(output: $"out{number}", id: $"job{number}"));
        }

        JobPage first = await Client.ListAsync(new JobQuery { Limit = 2 });
        JobPage second = await Client.ListAsync(new JobQuery { Limit = 2, Cursor = first.Next });
        JobPage third = await Client.ListAsync(new JobQuery { Limit = 2, Cursor = second.Next });

        Assert.Equal(["job5", "job4"], first.Jobs.Select(job => job.Id));
        Assert.Equal(["job3", "job2"], second.Jobs.Select(job => job.Id));
        Assert.Equal(["job1"], third.Jobs.Select(job => job.Id));
        Assert.Null(third.Next);
    }

    [Fact]
    public async Task A_job_that_comes_in_between_does_not_shift_the_pages()
    {
        await FinishedAsync(Recipe(output: "out1", id: "job1"));
        await FinishedAsync(Recipe(output: "out2", id: "job2"));
        JobPage first = await Client.ListAsync(new JobQuery { Limit = 1 });

        await FinishedAsync(Recipe(output: "out3", id: "job3"));
        JobPage second = await Client.ListAsync(new JobQuery { Limit = 1, Cursor = first.Next });

        Assert.Equal(["job1"], second.Jobs.Select(job => job.Id));
    }

    [Fact]
    public async Task It_can_be_limited_to_some_states()
    {
        await FinishedAsync(Recipe(id: "finished"));

        Assert.Equal(["finished"], (await Client.ListAsync(new JobQuery { States = ["done", "failed"] })).Jobs.Select(job => job.Id));
        Assert.Empty((await Client.ListAsync(new JobQuery { States = ["running"] })).Jobs);
    }

    [Theory]
    [InlineData("state=sleeping", "state")]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=many", "limit")]
    [InlineData("cursor=nowhere", "cursor")]
    public async Task A_parameter_that_cannot_be_is_refused(string query, string name)
    {
        HttpResponseMessage response = await Http.GetAsync("/api/jobs?" + query);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains($"parameter {name}", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_survives_a_restart_of_the_node()
    {
        Job before = await FinishedAsync(Recipe(id: "my-job") with { Name = "mine" });
        await StopAsync();
        await StartAsync();

        Job after = Assert.Single((await Client.ListAsync(new JobQuery())).Jobs);

        Assert.Equal((before.Id, before.Name, before.State, before.ChangedAt), (after.Id, after.Name, after.State, after.ChangedAt));
        Assert.Equal(before.Files!.Select(file => file.Name), (await Client.ShowAsync("my-job")).Files!.Select(file => file.Name));
    }

    [Fact]
    public async Task A_job_that_nobody_submitted_is_not_found()
    {
        foreach (Func<Task> request in new Func<Task>[]
        {
            () => Client.ShowAsync("nobody"), () => Client.CancelAsync("nobody"), () => Client.ResumeAsync("nobody"), () => WatchAsync("nobody"),
        })
        {
            ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(request);
            Assert.Equal((404, "EXPO3011"), (refusal.Problem.Status, refusal.Code));
        }
    }
}
