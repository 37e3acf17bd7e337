using System.Globalization;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>A database in whose tables somebody has written, on a node alone.</summary>
public sealed class DamagedRowTests : ApiScene
{
    public static TheoryData<string> Damages =>
    [
        "facts = 'no json'", "facts = '{}'", "facts = 'null'", "facts = x'00ff'", "sequence = 'many'", "sequence = -5", "submitted_ms = 9e18",
        "submitted_ms = 'yesterday'", "changed_ms = 'never'", "output = ''", "output = 'relative'", "state = 'Robert''); DROP TABLE'", "state = ''", "files = '[null]'",
        """facts = replace(facts, '"recipeJson":"', '"recipeJson":"x')""",
    ];

    [Theory]
    [MemberData(nameof(Damages))]
    public async Task A_job_whose_row_is_garbage_is_shown_as_damaged_beside_the_others_and_can_be_got_rid_of(string damage)
    {
        await FinishedAsync(Recipe(id: "sound", output: "one"));
        await FinishedAsync(Recipe(id: "broken", output: "two"));
        Execute($"UPDATE expocluster_jobs SET {damage} WHERE job = 'broken'");

        JobPage page = await Client.ListAsync(new JobQuery());
        Job shown = await Client.ShowAsync("broken");

        Assert.Equal(["broken", "sound"], page.Jobs.Select(job => job.Id).Order(StringComparer.Ordinal));
        Assert.Null(page.Jobs.Single(job => job.Id == "sound").Reason);
        // The files of a job are read when it is looked at alone.
        Assert.Equal("EXPO3015", shown.Reason!.Code);
        Assert.True(damage.StartsWith("files", StringComparison.Ordinal) || page.Jobs.Single(job => job.Id == "broken").Reason!.Code == "EXPO3015");

        // The journal still says that it is done, so that is what becomes of the row; what has no journal is cancelled.
        await Record.ExceptionAsync(() => Client.CancelAsync("broken"));
        PrunedJobs pruned = await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero });

        Assert.Contains("broken", pruned.Jobs);
        Assert.Equal(404, (await Assert.ThrowsAsync<ExpoClusterException>(() => Client.ShowAsync("broken"))).Problem.Status);
    }

    [Fact]
    public async Task A_row_without_any_journal_is_cancelled_and_forgotten()
    {
        Execute("INSERT INTO expocluster_jobs VALUES ('ghost', 'a', 'B B', 'c', 'd', 'e', 'f', 'g')");

        Assert.Equal("failed", Assert.Single((await Client.ListAsync(new JobQuery())).Jobs).State);
        Assert.Equal("cancelled", (await Client.CancelAsync("ghost")).State);
        Assert.Equal(["ghost"], (await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero })).Jobs);
    }

    [Fact]
    public async Task A_row_that_names_no_job_is_passed_over()
    {
        await FinishedAsync(Recipe(id: "sound"));
        Execute("INSERT INTO expocluster_jobs VALUES ('../../etc', 1, 'done', 1, 1, '/x', '{}', '[]'), (x'ff00', 1, 'done', 1, 1, '/x', '{}', '[]'), (NULL, 1, 'done', 1, 1, '/x', '{}', '[]')");

        Assert.Equal(["sound"], (await Client.ListAsync(new JobQuery())).Jobs.Select(job => job.Id));
    }

    [Fact]
    public async Task A_change_that_is_garbage_is_passed_over()
    {
        await FinishedAsync(Recipe(id: "sound"));
        Execute("INSERT INTO expocluster_job_states VALUES ('sound', 900, 'x y', 'never', '', '', ''), ('sound', 'a', 'b', 'c', 'd', 'e', 'f')");

        Assert.Equal("done", Assert.IsType<Client.Events.JobNews.StateChanged>((await WatchAsync("sound")).Last()).Change.State);
    }

    [Fact]
    public async Task A_submission_beside_garbage_is_taken_and_one_into_the_same_output_is_not()
    {
        await FinishedAsync(Recipe(id: "broken", output: "two"));
        Execute("UPDATE expocluster_jobs SET facts = '[]', state = 'running' WHERE job = 'broken'");

        Assert.Equal("done", (await FinishedAsync(Recipe(id: "sound", output: "one"))).State);
        ExpoClusterException refusal = await Assert.ThrowsAsync<ExpoClusterException>(() => Client.SubmitAsync(Recipe(output: "two", alpha: 0.7)));
        Assert.Equal((409, "EXPO3001"), (refusal.Problem.Status, refusal.Code));
    }

    [Fact]
    public async Task A_node_that_starts_again_mends_the_row_of_a_living_job_from_its_journal()
    {
        Rate = 64 << 10;
        await StopAsync();
        await StartAsync();
        await Client.SubmitAsync(Recipe(id: "living"));
        await StopAsync();
        Execute("UPDATE expocluster_jobs SET facts = 'no json', sequence = 9000000000000 WHERE job = 'living'");
        Rate = null;

        await StartAsync();

        await UntilAsync(() => Client.ShowAsync("living").GetAwaiter().GetResult() is { State: "done", Reason: null });
    }

    private void Execute(string sql)
    {
        using var connection = new SqliteConnection(string.Create(CultureInfo.InvariantCulture, $"Data Source={Path.Join(Pair.Root, "expocluster.db")}"));
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Literals of this class.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
