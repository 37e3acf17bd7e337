using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Jobs;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Server.Tests.Jobs;

public sealed class JobRetentionTests : IAsyncLifetime
{
    private static readonly TimeSpan Keep = TimeSpan.FromDays(90);

    private readonly string directory = Directory.CreateTempSubdirectory("expocluster-retention-").FullName;
    private readonly ManualClock clock = new();
    private readonly List<string> said = [];
    private readonly List<string> cancelled = [];
    private JobRegister register = null!;
    private bool isOnDuty = true;

    public async Task InitializeAsync()
    {
        JournalSettings journal = JournalSettings.Sqlite(Path.Join(directory, "jobs.db"), isLocal: true);
        register = await JobRegister.OpenAsync(journal);
        using var connection = new SqliteConnection(journal.ConnectionString);
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        // The journal makes these, and none runs here.
        command.CommandText = string.Concat(new[] { "journal", "tags", "snapshot" }.Select(table => $"CREATE TABLE {table} (persistence_id text);"));
        command.ExecuteNonQuery();
    }

    public Task DisposeAsync()
    {
        register.Dispose();
        SqliteConnection.ClearAllPools();
        Directory.Delete(directory, recursive: true);
        return Task.CompletedTask;
    }

    [Fact]
    public async Task What_ended_long_ago_is_forgotten_and_nothing_else()
    {
        await WriteAsync("old", "done", age: 91);
        await WriteAsync("old-failure", "failed", age: 91);
        await WriteAsync("young", "done", age: 89);
        await WriteAsync("resting", "suspended", age: 400);
        await using JobRetention retention = Retention();

        await retention.LookAsync(CancellationToken.None);

        Assert.Equal(["old-failure", "resting", "young"], await ListAsync());
        Assert.Equal(["old-failure"], cancelled);
        Assert.Equal("jobs that ended more than 90 days ago were forgotten: 1.", Assert.Single(said));
    }

    [Fact]
    public async Task It_is_done_once_a_day()
    {
        await using JobRetention retention = Retention();
        await retention.LookAsync(CancellationToken.None);
        await WriteAsync("old", "done", age: 91);

        clock.Advance(TimeSpan.FromHours(23));
        await retention.LookAsync(CancellationToken.None);
        Assert.Equal(["old"], await ListAsync());

        clock.Advance(TimeSpan.FromHours(1));
        await retention.LookAsync(CancellationToken.None);
        Assert.Empty(await ListAsync());
    }

    [Fact]
    public async Task A_node_that_is_not_on_duty_leaves_it_to_another()
    {
        await WriteAsync("old", "done", age: 91);
        await using JobRetention retention = Retention();
        isOnDuty = false;
        await retention.LookAsync(CancellationToken.None);
        Assert.Equal(["old"], await ListAsync());

        isOnDuty = true;
        await retention.LookAsync(CancellationToken.None);
        Assert.Empty(await ListAsync());
    }

    // Nobody is there to cancel a failed job, so it stays; time passes while it is waited for.
    private JobRetention Retention() => new(
        new JobPruning(
            register,
            (job, _) =>
            {
                cancelled.Add(job);
                throw Core.Jobs.JobException.Unanswered(job, TimeSpan.Zero);
            },
            clock),
        Keep,
        () => isOnDuty,
        said.Add,
        clock);

    private Task WriteAsync(string job, string state, int age) => register.WriteAsync(new RegisterEntry
    {
        Job = job,
        Sequence = 3,
        State = state,
        SubmittedAt = clock.GetUtcNow() - TimeSpan.FromDays(age),
        ChangedAt = clock.GetUtcNow() - TimeSpan.FromDays(age),
        Output = Path.Join(directory, job),
        Facts = new RegisterFacts("{}", null, null, [], 1, 1, 1, 1, null),
    });

    private async Task<IEnumerable<string>> ListAsync() =>
        (await register.ListAsync([], after: null, limit: 10)).Select(row => row.Job).Order(StringComparer.Ordinal);
}
