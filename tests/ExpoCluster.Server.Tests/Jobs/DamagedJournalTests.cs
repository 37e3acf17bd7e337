using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using ExpoCluster.Server.Tests.Api;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Server.Tests.Jobs;

/// <summary>A node alone that starts on a journal in which somebody has written.</summary>
public sealed class DamagedJournalTests : ApiScene
{
    public DamagedJournalTests()
    {
        Pair = new();
        Rate = 4 << 20;
    }

    [Fact]
    public async Task A_job_that_cannot_be_read_is_failed_in_the_list_and_is_cancelled_and_forgotten()
    {
        await InterruptAsync("UPDATE journal SET message = x'00ff00' WHERE persistence_id = 'job-living' AND sequence_number = 1");

        await UntilAsync(() => Client.ListAsync(new JobQuery { States = ["failed"] }).GetAwaiter().GetResult().Jobs.Count == 1);
        Job failed = await Client.ShowAsync("living");
        Job cancelled = await Client.CancelAsync("living");
        PrunedJobs pruned = await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero });

        Assert.Equal(("failed", "EXPO3013"), (failed.State, failed.Reason!.Code));
        Assert.Equal("cancelled", cancelled.State);
        Assert.Equal(["living"], pruned.Jobs);
        Assert.False(Directory.Exists(Pair.Output.Root));
        Assert.Equal("done", (await FinishedAsync(Recipe(id: "living"))).State);
    }

    [Fact]
    public async Task One_that_was_being_published_keeps_what_it_left()
    {
        await InterruptAsync(
            "UPDATE journal SET message = x'00ff00' WHERE persistence_id = 'job-living' AND sequence_number = 1; "
            + "INSERT INTO expocluster_job_states VALUES ('living', 800, 'publishing', 0, '', '', '')");

        await UntilAsync(() => Client.ListAsync(new JobQuery { States = ["failed"] }).GetAwaiter().GetResult().Jobs.Count == 1);
        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => Client.CancelAsync("living"));

        Assert.Equal((409, "EXPO3008"), (refusal.Problem.Status, refusal.Code));
        Assert.True(Directory.Exists(Pair.Output.Workspace));
    }

    [Theory]
    [InlineData("UPDATE journal SET message = x'00ff00'")]
    [InlineData("UPDATE journal SET manifest = 'nothing', identifier = 77")]
    public async Task What_sharding_cannot_read_of_its_own_is_made_anew_and_jobs_go_on(string damage)
    {
        await InterruptAsync(damage + " WHERE persistence_id LIKE '%/sharding/%'", rate: null);

        await UntilAsync(() => Client.ShowAsync("living").GetAwaiter().GetResult().State == "done");
    }

    private async Task InterruptAsync(string damage, long? rate = 4 << 20)
    {
        await Client.SubmitAsync(Recipe(id: "living"));
        await WatchAsync("living", until: "running");
        await StopAsync();
        Assert.True(Execute(damage) > 0, damage);
        Rate = rate;
        await StartAsync();
    }

    private int Execute(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Join(Pair.Root, "expocluster.db")}");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Literals of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        return command.ExecuteNonQuery();
    }
}
