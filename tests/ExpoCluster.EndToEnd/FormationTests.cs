using System.Diagnostics;

namespace ExpoCluster.EndToEnd;

/// <summary>How processes become one cluster, with nothing but a database in common.</summary>
public sealed class FormationTests : IDisposable
{
    private const string Forming = "no cluster is alive: forming one";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Two seconds, and three where a connection is waited for that nobody refuses; for a machine that has other things to do as well.
    private static readonly TimeSpan NoticeGuard = TimeSpan.FromSeconds(8);

    private readonly Workplace place = new();
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;

    public FormationTests() => nodes = new NodeProcesses(database!, place.Root);

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public async Task Five_nodes_started_at_once_form_one_cluster_and_one_again_after_all_were_killed()
    {
        int[] ports = [.. Enumerable.Range(0, 5).Select(_ => PostgresServer.FreePort())];

        ExpoProcess[] first = Start(ports);
        AssertOneCluster(first);
        await AssertMembersAsync(5);
        Kill(first);

        ExpoProcess[] second = Start(ports);
        AssertOneCluster(second);
        await AssertMembersAsync(5);
        Kill(second);

        // Where they were nobody is any more, and the database says that there are five members.
        ExpoProcess[] elsewhere = Start([.. ports.Select(_ => PostgresServer.FreePort())]);
        AssertOneCluster(elsewhere);
        await AssertMembersAsync(5);
    }

    [FactNeeding(Needs.Postgres)]
    public void A_node_waits_for_the_database_and_says_so()
    {
        database!.Stop();
        ExpoProcess node = nodes.Start("coordinator,worker");
        NodeProcesses.WaitFor(node, "waiting for the database");

        database.Start();

        NodeProcesses.WaitForMembers(node);
        Assert.Contains("the database is back", node.Errors, StringComparison.Ordinal);
    }

    [FactNeeding(Needs.Postgres, Needs.Root, "unshare")]
    public void A_node_looks_the_database_up_anew_each_time_it_calls_it()
    {
        // A file of names of the node's own, in which the database is first nowhere, then here, then again nowhere and here.
        const string Name = "database.moves.test";
        string hosts = place.PathOf("hosts");
        File.WriteAllText(hosts, "127.0.0.1 localhost\n");
        ExpoProcess node = nodes.StartUnder(
            ["unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", hosts],
            "coordinator,worker",
            0,
            "--database",
            $"postgres://expo@{Name}:{database!.Port}/jobs");
        NodeProcesses.WaitFor(node, "waiting for the database");

        File.AppendAllText(hosts, $"127.0.0.1 {Name}\n");
        var clock = Stopwatch.StartNew();
        NodeProcesses.WaitFor(node, "the database is back");
        Assert.True(clock.Elapsed < NoticeGuard, $"{clock.Elapsed}");
        NodeProcesses.WaitForMembers(node);

        // No answer comes from there, and no refusal either.
        File.WriteAllText(hosts, $"127.0.0.1 localhost\n192.0.2.1 {Name}\n");
        database.Stop();
        database.Start();
        SpinWait.SpinUntil(() => Count(node.Errors, "waiting for the database") == 2, Patience);
        File.WriteAllText(hosts, $"127.0.0.1 localhost {Name}\n");
        clock.Restart();
        SpinWait.SpinUntil(() => Count(node.Errors, "the database is back") == 2, Patience);
        Assert.True(Count(node.Errors, "the database is back") == 2 && clock.Elapsed < NoticeGuard, $"{clock.Elapsed}\n{node.Errors}");
    }

    private static int Count(string text, string words) => text.Split(words).Length - 1;

    [FactNeeding(Needs.Postgres)]
    public void A_node_told_to_stop_before_it_has_joined_stops()
    {
        database!.Stop();
        ExpoProcess node = nodes.Start("coordinator,worker");
        NodeProcesses.WaitFor(node, "waiting for the database");

        node.Signal("TERM");

        Assert.Equal(0, node.Wait().ExitCode);
        database.Start();
    }

    [FactNeeding(Needs.Postgres)]
    public void A_node_that_sees_other_storage_is_refused()
    {
        NodeProcesses.WaitForMembers(nodes.Start("coordinator"));
        File.Delete(place.PathOf(".expocluster-storage"));

        RunResult refused = nodes.Start("worker").Wait();

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("EXPO5011", refused.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("member of the cluster", refused.Errors, StringComparison.Ordinal);
    }

    [FactNeeding(Needs.Postgres)]
    public void A_node_that_is_told_to_leave_exits_with_0_and_is_forgotten()
    {
        ExpoProcess first = nodes.Start("coordinator,worker");
        NodeProcesses.WaitForMembers(first);
        ExpoProcess second = nodes.Start("coordinator,worker");
        NodeProcesses.WaitForMembers(second);

        var clock = Stopwatch.StartNew();
        first.Signal("TERM");
        RunResult left = first.Wait();

        Assert.Equal(0, left.ExitCode);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"{clock.Elapsed}\n{left.Errors}");
        Assert.Equal("1", database!.Query("select count(*) from expocluster_nodes"));
        Assert.False(second.HasExited, second.Errors);
    }

    private ExpoProcess[] Start(int[] ports) => [.. ports.Select(port => nodes.Start("coordinator,worker", port))];

    private static void Kill(ExpoProcess[] running) => Array.ForEach(running, node => node.Kill());

    private static void AssertOneCluster(ExpoProcess[] running)
    {
        NodeProcesses.WaitForMembers(running);
        Assert.Single(running, node => node.Errors.Contains(Forming, StringComparison.Ordinal));
    }

    private async Task AssertMembersAsync(int count)
    {
        await using SubmittingNode guest = await SubmittingNode.JoinAsync(database!, place.Root);
        Assert.Equal(count + 1, guest.MemberCount);
        Assert.Empty(guest.Unreachable);
        await guest.LeaveAsync();
    }
}
