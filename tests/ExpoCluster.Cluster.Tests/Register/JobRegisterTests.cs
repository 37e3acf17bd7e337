using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Tests.Register;

public sealed class JobRegisterTests(RegisterScene scene) : IClassFixture<RegisterScene>
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    public static TheoryData<string> Databases => RegisterScene.Databases;

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task What_was_written_is_found(string database)
    {
        using JobRegister register = await JobRegister.OpenAsync(scene.Create(database));
        RegisterEntry entry = Entry("job1", sequence: 7, "suspended", new JobReason("EXPO4001", "full", "make room"));

        await register.WriteAsync(entry);

        RegisterEntry found = (await register.FindAsync("job1"))!;
        Assert.Equal(entry.Files.AsEnumerable(), found.Files);
        Assert.Equal(entry.Facts.Folders.AsEnumerable(), found.Facts.Folders);
        Assert.Equal(
            entry with { Files = [], Facts = entry.Facts with { Folders = [] } },
            found with { Files = [], Facts = found.Facts with { Folders = [] } });
        Assert.Null(await register.FindAsync("job2"));
        Assert.Equal(["job1"], (await register.FindByOutputAsync("/out/job1")).Select(row => row.Job));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task What_is_older_never_replaces_what_is_newer(string database)
    {
        using JobRegister register = await JobRegister.OpenAsync(scene.Create(database));
        await register.WriteAsync(Entry("job1", sequence: 9, "done"));

        await register.WriteAsync(Entry("job1", sequence: 5, "running"));

        Assert.Equal("done", (await register.FindAsync("job1"))!.State);
        Assert.Equal(["done"], (await register.ChangesAsync("job1", after: 0)).Select(change => change.State));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task A_state_that_is_written_again_after_a_recovery_is_no_change(string database)
    {
        using JobRegister register = await JobRegister.OpenAsync(scene.Create(database));
        await register.WriteAsync(Entry("job1", sequence: 3, "running"));

        await register.WriteAsync(Entry("job1", sequence: 8, "running") with { ChangedAt = Noon.AddHours(1) });

        RegisterEntry found = (await register.FindAsync("job1"))!;
        Assert.Equal((8, Noon), (found.Sequence, found.ChangedAt));
        Assert.Equal([3L], (await register.ChangesAsync("job1", after: 0)).Select(change => change.Sequence));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task Changes_come_in_order_behind_any_of_them(string database)
    {
        using JobRegister register = await JobRegister.OpenAsync(scene.Create(database));
        await register.WriteAsync(Entry("job1", sequence: 3, "running"));
        await register.WriteAsync(Entry("job1", sequence: 20, "suspended", new JobReason("EXPO4001", "full", "make room")));
        await register.WriteAsync(Entry("job1", sequence: 21, "running"));
        await register.WriteAsync(Entry("job2", sequence: 22, "done"));

        Assert.Equal(["running", "suspended", "running"], (await register.ChangesAsync("job1", after: 0)).Select(change => change.State));
        RegisterChange suspended = (await register.ChangesAsync("job1", after: 3))[0];
        Assert.Equal((20, "EXPO4001", "make room"), (suspended.Sequence, suspended.Reason!.Code, suspended.Reason.Advice));
        Assert.Empty(await register.ChangesAsync("job1", after: 21));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task The_list_is_newest_first_and_goes_on_behind_any_of_its_jobs(string database)
    {
        using JobRegister register = await JobRegister.OpenAsync(scene.Create(database));
        foreach ((string job, int hour, string state) in new[] { ("a", 1, "done"), ("b", 3, "running"), ("c", 2, "done"), ("d", 2, "failed") })
        {
            await register.WriteAsync(Entry(job, sequence: 3, state) with { SubmittedAt = Noon.AddHours(hour) });
        }

        Assert.Equal(["b", "d", "c", "a"], (await register.ListAsync([], after: null, limit: 10)).Select(row => row.Job));
        Assert.Equal(["c", "a"], (await register.ListAsync([], new RegisterPosition(Noon.AddHours(2), "d"), limit: 10)).Select(row => row.Job));
        Assert.Equal(["d", "c"], (await register.ListAsync(["done", "failed"], after: null, limit: 2)).Select(row => row.Job));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task Nodes_that_open_it_at_once_do_not_disturb_each_other(string database)
    {
        JournalSettings journal = scene.Create(database);

        JobRegister[] registers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => JobRegister.OpenAsync(journal))));

        await registers[0].WriteAsync(Entry("job1", sequence: 3, "running"));
        Assert.NotNull(await registers[7].FindAsync("job1"));
        Array.ForEach(registers, register => register.Dispose());
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task What_has_been_over_for_long_is_found_the_longest_first(string database)
    {
        using JobRegister register = await JobRegister.OpenAsync(scene.Create(database));
        foreach ((string job, int hour, string state) in new[] { ("a", 2, "done"), ("b", 1, "running"), ("c", 1, "cancelled"), ("d", 3, "failed"), ("e", 1, "failed") })
        {
            await register.WriteAsync(Entry(job, sequence: 3, state) with { ChangedAt = Noon.AddHours(hour) });
        }

        Assert.Equal(["c", "e", "a"], (await register.ListOldAsync(["done", "failed", "cancelled"], Noon.AddHours(2), limit: 10)).Select(row => row.Job));
        Assert.Equal(["c"], (await register.ListOldAsync(["done", "cancelled"], Noon.AddHours(9), limit: 1)).Select(row => row.Job));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task A_database_that_a_newer_version_has_changed_too_much_is_not_opened(string database)
    {
        JournalSettings journal = scene.Create(database);
        using (JobRegister register = await JobRegister.OpenAsync(journal))
        {
        }

        await RegisterScene.ExecuteAsync(journal, "INSERT INTO expocluster_schema (version, oldest_node, at_ms) VALUES (99, 98, 0)");

        Assert.Equal("EXPO5045", (await Assert.ThrowsAsync<ClusterException>(() => JobRegister.OpenAsync(journal))).Code);
    }

    internal static RegisterEntry Entry(string job, long sequence, string state, JobReason? reason = null) => new()
    {
        Job = job,
        Sequence = sequence,
        State = state,
        SubmittedAt = Noon,
        ChangedAt = Noon,
        Output = "/out/" + job,
        Facts = new RegisterFacts("{}", "alice", "d1g", ["alpha-0.1", "alpha-0.3"], 5, 2, 100, 40, reason),
        Files = [new RegisterFile("model.safetensors", 100, 5, 2, 40, Sealed: false)],
    };
}
