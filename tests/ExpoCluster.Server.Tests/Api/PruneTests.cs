using System.Net;
using System.Net.Http.Headers;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Client.Problems;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Server.Tests.Api;

/// <summary>Forgetting jobs, on a node with SQLite.</summary>
public sealed class PruneTests : ApiScene
{
    private const string Operator = "operator-token-0123456789";
    private const string Reader = "reader-token-0123456789ab";

    private static readonly string[] Tables = ["expocluster_jobs", "expocluster_job_states", "journal", "snapshot", "tags"];

    public PruneTests() => Pair = new();

    [Fact]
    public async Task A_job_that_is_done_is_forgotten_and_what_it_made_stays()
    {
        await FinishedAsync(Recipe(id: "finished"));
        string[] before = [.. Directory.EnumerateFiles(Pair.Output.Root).Order(StringComparer.Ordinal)];

        PrunedJobs pruned = await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero });

        Assert.Equal(["finished"], pruned.Jobs);
        Assert.True(pruned is { Kept.Count: 0, More: false });
        Assert.Empty((await Client.ListAsync(new JobQuery())).Jobs);
        Assert.Equal(404, (await Assert.ThrowsAsync<ExpoClusterException>(() => Client.ShowAsync("finished"))).Problem.Status);
        Assert.Equal(before, Directory.EnumerateFiles(Pair.Output.Root).Order(StringComparer.Ordinal));
        Assert.Contains(before, file => file.EndsWith("expocluster.json", StringComparison.Ordinal));
        Assert.All(Tables, table => Assert.Equal(0, RowsOf("finished", table)));
    }

    [Fact]
    public async Task Its_id_is_free_again_also_after_a_restart()
    {
        await FinishedAsync(Recipe(id: "again"));
        await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero });
        await StopAsync();
        await StartAsync();

        Job second = await FinishedAsync(Recipe(output: "out2", id: "again"));

        Assert.Equal(("done", Path.Join(Pair.Root, "out2")), (second.State, Assert.Single(second.Output)));
    }

    [Fact]
    public async Task A_job_that_failed_gives_up_its_staging_first()
    {
        Rate = 20_000_000;
        await RestartAsync();
        string input = Path.Join(Pair.Base, "model-00001-of-00002.safetensors");
        await Client.SubmitAsync(Recipe(id: "broken"));
        await WatchAsync("broken", until: "running");
        File.SetLastWriteTimeUtc(input, DateTime.UnixEpoch);
        await WatchAsync("broken", until: "failed");
        Assert.True(Directory.Exists(Pair.Output.Workspace));

        Assert.Empty((await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero, States = ["done", "cancelled"] })).Jobs);
        PrunedJobs pruned = await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero });

        Assert.Equal(["broken"], pruned.Jobs);
        Assert.False(File.Exists(Pair.Output.Plan("broken")));
        Assert.All(Tables, table => Assert.Equal(0, RowsOf("broken", table)));
    }

    [Fact]
    public async Task A_job_that_runs_and_one_that_ended_lately_are_not_touched()
    {
        Rate = 20_000_000;
        await RestartAsync();
        await Client.SubmitAsync(Recipe(id: "slow"));
        await WatchAsync("slow", until: "running");

        Assert.Empty((await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero })).Jobs);
        await Client.CancelAsync("slow");
        Assert.Empty((await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.FromHours(1) })).Jobs);

        Assert.Equal("cancelled", (await Client.ShowAsync("slow")).State);
    }

    [Fact]
    public async Task A_dry_run_only_says_which()
    {
        await FinishedAsync(Recipe(id: "finished"));

        PrunedJobs pruned = await Client.PruneAsync(new PruneQuery { OlderThan = TimeSpan.Zero, DryRun = true });

        Assert.Equal(["finished"], pruned.Jobs);
        Assert.Equal("done", (await Client.ShowAsync("finished")).State);
    }

    [Theory]
    [InlineData("", "olderThan")]
    [InlineData("?olderThan=30", "olderThan")]
    [InlineData("?olderThan=30d&state=running", "state")]
    [InlineData("?olderThan=30d&state=suspended", "state")]
    public async Task What_is_not_said_clearly_is_refused(string query, string name)
    {
        HttpResponseMessage response = await PostAsync("/api/jobs/prune" + query, "");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains($"parameter {name}", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_may_not()
    {
        await StopAsync();
        UseTokens($"{Operator} operator", $"{Reader} reader");
        await StartAsync(Reader);

        HttpResponseMessage response = await PostAsync("/api/jobs/prune?olderThan=0s", "");
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Operator);

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await PostAsync("/api/jobs/prune?olderThan=0s", "")).StatusCode);
    }

    private async Task RestartAsync()
    {
        await StopAsync();
        await StartAsync();
    }

    private long RowsOf(string job, string table)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Join(Pair.Root, "expocluster.db")}");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = table.StartsWith("expocluster", StringComparison.Ordinal)
            ? $"SELECT COUNT(*) FROM {table} WHERE job = '{job}'"
            : $"SELECT COUNT(*) FROM {table} WHERE persistence_id = 'job-{job}'";
        return (long)command.ExecuteScalar()!;
    }
}
