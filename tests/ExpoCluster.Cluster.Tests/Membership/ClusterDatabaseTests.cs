using System.Collections.Immutable;
using Akka.Actor;
using Akka.Configuration;
using Akka.Coordination;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.EndToEnd;
using Npgsql;

namespace ExpoCluster.Cluster.Tests.Membership;

/// <summary>What nodes leave for each other in a real PostgreSQL.</summary>
public sealed class ClusterDatabaseTests : IAsyncLifetime
{
    private readonly PostgresServer? server = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly string root = Directory.CreateTempSubdirectory("expocluster-storage-").FullName;
    private readonly List<string> said = [];
    private ClusterDatabase database = null!;

    private string Connection => $"Host=127.0.0.1;Port={server!.Port};Username=expo;Database=jobs;Timeout=2";

    public async Task InitializeAsync() => database = server is null ? null! : await OpenAsync();

    public async Task DisposeAsync()
    {
        if (server is not null)
        {
            await database.DisposeAsync();
            server.Dispose();
        }

        Directory.Delete(root, recursive: true);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Nodes_that_make_the_tables_at_once_do_not_trip_over_each_other()
    {
        server!.Query("drop schema public cascade; create schema public");

        ClusterDatabase[] opened = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OpenAsync()));

        Assert.Single(opened.Select(each => each.Identity).Distinct());
        Assert.Equal("1", server.Query("select count(*) from expocluster_identity"));
        foreach (ClusterDatabase each in opened)
        {
            await each.DisposeAsync();
        }
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Nodes_that_find_the_database_of_an_earlier_version_bring_it_to_theirs_once()
    {
        server!.Query("drop schema public cascade; create schema public");
        server.Query(DatabaseTables.Sql);
        string identity = server.Query("select id from expocluster_identity");

        ClusterDatabase[] opened = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OpenAsync()));

        Assert.All(opened, each => Assert.Equal(identity, each.Identity.ToString()));
        Assert.Equal("1\n2\n3", server.Query("select version from expocluster_schema order by 1"));
        Assert.Equal("expocluster_jobs_changed", server.Query("select indexname from pg_indexes where indexname = 'expocluster_jobs_changed'"));
        foreach (ClusterDatabase each in opened)
        {
            await each.DisposeAsync();
        }
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_node_works_beside_newer_ones_that_it_does_no_harm_and_says_so()
    {
        server!.Query("insert into expocluster_schema values (99, 2, 0)");

        await using ClusterDatabase opened = await OpenAsync();

        Assert.Contains("the database is of version 99", Assert.Single(said), StringComparison.Ordinal);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_node_that_is_too_old_for_the_database_is_none_and_changes_nothing()
    {
        server!.Query("insert into expocluster_schema values (99, 99, 0); drop table expocluster_outputs");

        ClusterException refusal = await Assert.ThrowsAsync<ClusterException>(OpenAsync);

        Assert.Equal(ClusterException.NewerDatabase, refusal.Code);
        Assert.Equal("0", server.Query("select count(*) from pg_tables where tablename = 'expocluster_outputs'"));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Of_nodes_that_start_at_once_one_forms_the_cluster_and_the_others_ask_it()
    {
        string[] addresses = [.. Enumerable.Range(1, 8).Select(number => $"akka.tcp://expocluster@h:{number}")];

        ImmutableArray<string>?[] answers = await Task.WhenAll(addresses.Select(address =>
            new NodeRegistry(database, address).FormOrFindAsync(TimeSpan.Zero, CancellationToken.None)));

        string former = Assert.Single(addresses.Zip(answers), pair => pair.Item2 is null).Item1;
        Assert.All(answers, answer => Assert.True(answer is null || answer.Value.SequenceEqual([former])));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_member_hears_of_the_next_formation()
    {
        var first = new NodeRegistry(database, "a");
        Assert.Null(await first.FormOrFindAsync(TimeSpan.Zero, CancellationToken.None));
        long joined = await first.BeSeenAsync(CancellationToken.None);
        server!.Query("update expocluster_nodes set seen = seen - interval '1 minute'");

        Assert.Null(await new NodeRegistry(database, "b").FormOrFindAsync(TimeSpan.FromMinutes(1), CancellationToken.None));

        Assert.NotEqual(joined, await first.BeSeenAsync(CancellationToken.None));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_forgotten_member_is_not_waited_for()
    {
        var first = new NodeRegistry(database, "a");
        await first.FormOrFindAsync(TimeSpan.Zero, CancellationToken.None);

        await first.ForgetAsync(CancellationToken.None);

        Assert.Null(await new NodeRegistry(database, "b").FormOrFindAsync(TimeSpan.Zero, CancellationToken.None));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_lease_has_one_owner_until_it_is_given_back_or_runs_out()
    {
        using ActorSystem system = ActorSystem.Create("leases");
        using DatabaseLease one = Lease(system, "one");
        using DatabaseLease two = Lease(system, "two");

        Assert.True(await one.Acquire());
        Assert.True(one.CheckLease());
        Assert.False(await two.Acquire());
        await one.Release();
        Assert.False(one.CheckLease());
        Assert.True(await two.Acquire());

        server!.Query("update expocluster_leases set until = now() - interval '1 second'");
        Assert.True(await one.Acquire());
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_lease_of_a_dead_owner_is_waited_for()
    {
        using ActorSystem system = ActorSystem.Create("leases");
        using DatabaseLease lease = Lease(system, "one");
        server!.Query("insert into expocluster_leases values ('right', 'dead', clock_timestamp() + interval '3 seconds')");

        Assert.True(await lease.Acquire());

        Assert.Equal("one", server.Query("select owner from expocluster_leases"));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_lease_of_an_owner_on_the_same_side_is_taken_over()
    {
        using ActorSystem system = ActorSystem.Create("leases");
        using DatabaseLease one = Lease(system, "one");
        using DatabaseLease two = Lease(system, "two", isOnThisSide: owner => owner == "one");
        using DatabaseLease three = Lease(system, "three", isOnThisSide: owner => owner == "one");
        var lost = new TaskCompletionSource<Exception>();
        Assert.True(await one.Acquire(lost.SetResult));

        Assert.True(await two.Acquire());

        Assert.Equal("two", server!.Query("select owner from expocluster_leases"));
        await lost.Task.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.False(await three.Acquire());
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_lease_is_asked_for_again_while_the_database_does_not_answer()
    {
        using ActorSystem system = ActorSystem.Create("leases");
        using DatabaseLease lease = Lease(system, "one");
        server!.Query("alter table expocluster_leases rename to away");

        Task<bool> acquired = lease.Acquire();
        await Task.WhenAny(acquired, Task.Delay(TimeSpan.FromSeconds(1)));

        Assert.False(acquired.IsCompleted);
        server.Query("alter table away rename to expocluster_leases");
        Assert.True(await acquired);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_member_that_was_given_up_gets_no_lease_and_loses_the_one_it_has()
    {
        using ActorSystem system = ActorSystem.Create("leases");
        using DatabaseLease lease = Lease(system, "one");
        var lost = new TaskCompletionSource<Exception>();
        Assert.True(await lease.Acquire(lost.SetResult));

        await new RemovedMembers(database.Source).AddAsync("one", CancellationToken.None);

        await lost.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await lease.Release();
        Assert.False(await lease.Acquire());
        using DatabaseLease other = Lease(system, "two");
        Assert.True(await other.Acquire());
    }

    [FactNeeding(Needs.Postgres)]
    public async Task An_owner_hears_that_its_lease_was_taken()
    {
        using ActorSystem system = ActorSystem.Create("leases");
        using DatabaseLease lease = Lease(system, "one");
        var lost = new TaskCompletionSource<Exception>();
        Assert.True(await lease.Acquire(lost.SetResult));

        server!.Query("update expocluster_leases set owner = 'another'");

        Assert.Contains("taken", (await lost.Task.WaitAsync(TimeSpan.FromSeconds(20))).Message, StringComparison.Ordinal);
        Assert.False(lease.CheckLease());
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Whoever_takes_a_job_over_journals_alone_from_then_on()
    {
        await WriteAsync("job-x", "first", 1, 2, 3);
        await WriteAsync("job-x", "second", 4);

        PostgresException late = await Assert.ThrowsAsync<PostgresException>(() => WriteAsync("job-x", "first", 5));
        Assert.Equal(PostgresErrorCodes.UniqueViolation, late.SqlState);
        Assert.Contains("taken job-x over", late.MessageText, StringComparison.Ordinal);
        await WriteAsync("job-x", "second", 5, 6);
        await WriteAsync("job-x", "third", 7);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_process_takes_a_job_over_again_that_was_on_another_in_between()
    {
        await WriteAsync("job-x", "first", 1, 2);
        await WriteAsync("job-x", "second", 3);

        server!.Query("insert into journal (created, deleted, persistence_id, sequence_number, message, manifest, writer_uuid) values (0, false, 'job-x', 4, '', 'j3', 'first')");

        await WriteAsync("job-x", "first", 5);
        await Assert.ThrowsAsync<PostgresException>(() => WriteAsync("job-x", "second", 6));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task An_event_of_a_job_follows_one_that_is_there()
    {
        await WriteAsync("job-y", "first", 1);

        PostgresException gap = await Assert.ThrowsAsync<PostgresException>(() => WriteAsync("job-y", "first", 3));
        Assert.Contains("does not follow", gap.MessageText, StringComparison.Ordinal);
        await WriteAsync("/sharding/x", "first", 7);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task One_job_has_a_directory_until_it_gives_it_back()
    {
        var outputs = new OutputRows(database.Source);

        Assert.Equal("job1", await outputs.ClaimAsync("/out", "job1"));
        Assert.Equal("job1", await outputs.ClaimAsync("/out", "job2"));
        await outputs.ReleaseAsync("/out", "job2");
        Assert.Equal("job1", await outputs.HolderOfAsync("/out"));
        await outputs.ReleaseAsync("/out", "job1");
        Assert.Equal("job2", await outputs.ClaimAsync("/out", "job2"));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_job_that_was_never_journalled_loses_its_directory_and_one_that_was_does_not()
    {
        var outputs = new OutputRows(database.Source);
        await outputs.ClaimAsync("/out", "ghost");
        await outputs.ClaimAsync("/out2", "job1");
        server!.Query("update expocluster_outputs set at = at - interval '2 minutes'");
        server.Query("insert into journal (created, deleted, persistence_id, sequence_number, message) values (0, false, 'job-job1', 1, '')");

        Assert.Equal("job3", await outputs.ClaimAsync("/out", "job3"));
        Assert.Equal("job1", await outputs.ClaimAsync("/out2", "job3"));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Every_node_must_find_the_token_that_the_first_left()
    {
        await StorageCheck.CheckAsync(database, root, TimeSpan.Zero, CancellationToken.None);
        await StorageCheck.CheckAsync(database, root, TimeSpan.Zero, CancellationToken.None);

        File.WriteAllText(Path.Join(root, StorageCheck.TokenName), "another disk's");
        ClusterException other = await Assert.ThrowsAsync<ClusterException>(() => StorageCheck.CheckAsync(database, root, TimeSpan.Zero, CancellationToken.None));
        Assert.Equal(ClusterException.OtherStorage, other.Code);

        File.Delete(Path.Join(root, StorageCheck.TokenName));
        ClusterException none = await Assert.ThrowsAsync<ClusterException>(() => StorageCheck.CheckAsync(database, root, TimeSpan.Zero, CancellationToken.None));
        Assert.Contains("missing", none.Message, StringComparison.Ordinal);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_new_database_takes_the_token_that_is_there()
    {
        await StorageCheck.CheckAsync(database, root, TimeSpan.Zero, CancellationToken.None);
        string token = File.ReadAllText(Path.Join(root, StorageCheck.TokenName));
        server!.Query("delete from expocluster_storage");

        await StorageCheck.CheckAsync(database, root, TimeSpan.Zero, CancellationToken.None);

        Assert.Equal(token, server.Query("select token from expocluster_storage"));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task What_the_database_cannot_do_now_is_repeated_and_said_once()
    {
        server!.Stop();
        Task<Guid> waiting = database.PatientlyAsync(
            async token => (Guid)(await database.Source.CreateCommand("select id from expocluster_identity").ExecuteScalarAsync(token))!, CancellationToken.None);
        await Task.Delay(TimeSpan.FromSeconds(2.5));
        Assert.False(waiting.IsCompleted);

        server.Start();

        Assert.Equal(database.Identity, await waiting.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(2, said.Count);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_database_that_does_not_exist_is_no_reason_to_wait()
    {
        ClusterException refused = await Assert.ThrowsAsync<ClusterException>(() =>
            ClusterDatabase.OpenAsync(Connection.Replace("=jobs", "=nothing", StringComparison.Ordinal), said.Add, CancellationToken.None));

        Assert.Equal(ClusterException.DatabaseRefuses, refused.Code);
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Rows_that_no_node_has_written_are_passed_over_with_a_word()
    {
        server!.Query(
            """
            insert into expocluster_nodes values ('garbage', true, now()), ('', true, now()), ('akka.ssl.tcp://expocluster@:0', true, now()),
              ('akka.ssl.tcp://expocluster@h:1', true, 'infinity'), ('akka.ssl.tcp://expocluster@h:2', true, '-infinity'), ('akka.ssl.tcp://expocluster@h:3', true, '9999-01-01'),
              (E'akka.ssl.tcp://a b\u001b[31m@h:4', true, '4000-01-01 BC')
            """);

        Assert.Null(await new NodeRegistry(database, "akka.ssl.tcp://expocluster@h:9", said.Add).FormOrFindAsync(TimeSpan.FromMinutes(1), CancellationToken.None));

        Assert.True(said.Count >= 6, string.Join('\n', said));
        Assert.All(said, line => Assert.Contains("expocluster_nodes", line, StringComparison.Ordinal));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Times_that_nobody_would_have_written_hold_neither_lease_nor_output()
    {
        using ActorSystem system = ActorSystem.Create("leases");
        using DatabaseLease lease = Lease(system, "one");
        server!.Query("insert into expocluster_leases values ('right', 'nobody', 'infinity'); insert into expocluster_outputs values ('/out', 'ghost', 'infinity')");

        Assert.True(await lease.Acquire());
        Assert.Equal("job1", await new OutputRows(database.Source).ClaimAsync("/out", "job1"));
    }

    [FactNeeding(Needs.Postgres)]
    public async Task A_cluster_that_lost_its_name_or_got_a_second_has_one()
    {
        server!.Query("delete from expocluster_identity");
        await using ClusterDatabase first = await OpenAsync();
        server.Query("insert into expocluster_identity values ('00000000-0000-0000-0000-000000000001')");

        await using ClusterDatabase second = await OpenAsync();
        await using ClusterDatabase third = await OpenAsync();

        Assert.NotEqual(Guid.Empty, first.Identity);
        Assert.Equal(second.Identity, third.Identity);
    }

    // All of them in one statement, as Akka does.
    private async Task WriteAsync(string entity, string writer, params long[] numbers)
    {
        string rows = string.Join(", ", numbers.Select(number => $"(0, false, '{entity}', {number}, '', '{writer}')"));
        await using NpgsqlCommand command = database.Source.CreateCommand(
            "insert into journal (created, deleted, persistence_id, sequence_number, message, writer_uuid) values " + rows);
        await command.ExecuteNonQueryAsync();
    }

    private Task<ClusterDatabase> OpenAsync() => ClusterDatabase.OpenAsync(Connection, said.Add, CancellationToken.None);

    private DatabaseLease Lease(ActorSystem system, string owner, Func<string, bool>? isOnThisSide = null) => new(
        new LeaseSettings(
            "right",
            owner,
            new TimeoutSettings(TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(5)),
            ConfigurationFactory.ParseString($"connection-string = \"{Connection}\"")),
        (ExtendedActorSystem)system,
        () => owner,
        isOnThisSide ?? (_ => false));
}
