using System.Diagnostics;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.EndToEnd;

/// <summary>Jobs on a cluster of real processes that are killed; what comes out is what an undisturbed embedded merge makes.</summary>
public sealed class ClusterMergeTests : IDisposable
{
    private const string Job = "job1";

    // Slow enough that a job of 256 MB is still at work when a process dies.
    private const string Rate = "12MB";

    private readonly Workplace place = new("256MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;

    public ClusterMergeTests() => nodes = new NodeProcesses(database!, place.Root);

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public async Task A_worker_and_then_the_coordinator_die_and_the_output_is_the_same()
    {
        ExpoProcess[] coordinators = [nodes.Start("coordinator"), nodes.Start("coordinator")];
        ExpoProcess[] workers = [.. Enumerable.Range(0, 3).Select(_ => nodes.Start("worker", 0, "--max-rate", Rate))];
        NodeProcesses.WaitForMembers([.. coordinators, .. workers]);
        await using SubmittingNode user = await SubmittingNode.JoinAsync(database!, place.Root);
        Assert.IsType<JobAccepted>(await user.SubmitAsync(Job, place, place.Output));

        await user.WaitForAsync(Job, now => now.Committed >= 2, Logs);
        workers[0].Kill();
        await user.WaitForAsync(Job, now => now.Committed >= 4, Logs);
        coordinators[0].Kill();
        var clock = Stopwatch.StartNew();
        int before = (await user.LookAsync(Job)).Committed;
        await user.WaitForAsync(Job, now => now.Committed > before || now.State == "done", Logs);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(45), $"{clock.Elapsed}\n{Logs()}");

        await AssertDoneAsync(user);
    }

    [LongFact(Needs.Postgres)]
    public async Task All_processes_die_and_the_job_goes_on_by_itself()
    {
        int[] ports = [.. Enumerable.Range(0, 3).Select(_ => PostgresServer.FreePort())];
        ExpoProcess[] first = [.. ports.Select(Start)];
        NodeProcesses.WaitForMembers(first);
        await using (SubmittingNode user = await SubmittingNode.JoinAsync(database!, place.Root))
        {
            await user.SubmitAsync(Job, place, place.Output);
            await user.WaitForAsync(Job, now => now.Committed >= 2, Logs);
            await user.LeaveAsync();
        }

        Array.ForEach(first, node => node.Kill());
        NodeProcesses.WaitForMembers([.. ports.Select(Start)]);

        await using SubmittingNode again = await SubmittingNode.JoinAsync(database!, place.Root);
        JobProgress taken = await again.WaitForAsync(Job, now => now.State is "running" or "done", Logs);
        Assert.True(taken.Reused >= 2, taken.ToString());
        await AssertDoneAsync(again);
    }

    [LongFact(Needs.Postgres)]
    public async Task The_database_is_away_for_a_while_and_the_job_completes_without_help()
    {
        ExpoProcess[] running = [.. Enumerable.Range(0, 3).Select(_ => Start(0))];
        await using SubmittingNode user = await SubmitAndWaitAsync(running, committed: 2);

        database!.Stop();
        await Task.Delay(TimeSpan.FromSeconds(60));
        database.Start();

        await AssertDoneAsync(user);
        AssertNobodyLeft(running);
    }

    [LongFact(Needs.Postgres)]
    public async Task The_database_refuses_writes_for_a_while_and_the_job_completes_without_help()
    {
        ExpoProcess[] running = [.. Enumerable.Range(0, 3).Select(_ => Start(0))];
        await using SubmittingNode user = await SubmitAndWaitAsync(running, committed: 1);

        database!.RefuseWrites();
        int before = JournalledEvent.Of(Job, database).Length;
        await Task.Delay(TimeSpan.FromSeconds(60));
        Assert.Equal(before, JournalledEvent.Of(Job, database).Length);
        database.AcceptWrites();

        await AssertDoneAsync(user);
        AssertNobodyLeft(running);
    }

    [LongFact(Needs.Postgres)]
    public async Task A_node_that_leaves_hands_its_parts_back_and_none_is_computed_twice()
    {
        ExpoProcess[] running = [.. Enumerable.Range(0, 3).Select(_ => Start(0))];
        await using SubmittingNode user = await SubmitAndWaitAsync(running, committed: 1);

        running[0].Signal("TERM");
        RunResult left = running[0].Wait();

        Assert.Equal(0, left.ExitCode);
        Assert.DoesNotContain("lost", Logs(), StringComparison.Ordinal);
        await AssertDoneAsync(user);
    }

    [LongFact(Needs.Postgres)]
    public async Task A_stopped_worker_is_worked_around_and_does_no_harm_when_it_wakes_up()
    {
        ExpoProcess coordinator = nodes.Start("coordinator");
        int port = PostgresServer.FreePort();
        ExpoProcess[] workers = [nodes.Start("worker", port, "--max-rate", "4MB"), nodes.Start("worker", 0, "--max-rate", Rate)];
        NodeProcesses.WaitForMembers([coordinator, .. workers]);
        await using SubmittingNode user = await SubmittingNode.JoinAsync(database!, place.Root);
        await user.SubmitAsync(Job, place, place.Output);
        bool IsAtWork(JobProgress now) => now.Lanes.Any(lane => lane.Worker.StartsWith($"127.0.0.1:{port}#", StringComparison.Ordinal));
        await user.WaitForAsync(Job, now => now.Committed >= 1 && IsAtWork(now), Logs);

        workers[0].Signal("STOP");
        var clock = Stopwatch.StartNew();
        Assert.True(IsAtWork(await user.LookAsync(Job)), Logs());
        await user.WaitForAsync(Job, now => !IsAtWork(now), Logs);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{clock.Elapsed}\n{Logs()}");
        await user.WaitForAsync(Job, now => now.Committed == now.Total, Logs);
        workers[0].Signal("CONT");

        await AssertDoneAsync(user);
    }

    [LongFact(Needs.Postgres)]
    public async Task A_node_that_slept_until_all_had_forgotten_it_ends_and_does_not_take_itself_for_the_cluster()
    {
        ExpoProcess[] running = [nodes.Start("coordinator"), nodes.Start("coordinator"), nodes.Start("worker")];
        NodeProcesses.WaitForMembers(running);
        running[0].Signal("STOP");
        for (var clock = Stopwatch.StartNew(); !IsForgotten(); await Task.Delay(200))
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(90), Logs());
        }

        running[0].Signal("CONT");
        RunResult ended = running[0].Wait();

        Assert.Equal(1, ended.ExitCode);
        Assert.Contains("went on without it", ended.Errors, StringComparison.Ordinal);
        Assert.All(running[1..], node => Assert.False(node.HasExited, node.Errors));
    }

    [LongFact(Needs.Postgres)]
    public async Task One_job_at_a_time_works_in_a_directory_however_it_is_spelled()
    {
        NodeProcesses.WaitForMembers(Start(0), Start(0));
        await using SubmittingNode user = await SubmittingNode.JoinAsync(database!, place.Root);
        Assert.IsType<JobAccepted>(await user.SubmitAsync(Job, place, place.Output));
        Directory.CreateSymbolicLink(place.PathOf("alias"), place.Root);

        var refused = Assert.IsType<JobRejected>(await user.SubmitAsync("job2", place, Path.Join(place.PathOf("alias"), "x", "..", "out"), alpha: 0.5));
        Assert.Equal("EXPO3001", refused.Code);
        Assert.Contains(Job, refused.Message, StringComparison.Ordinal);

        RunResult embedded = ExpoProcess.Run(place.Merge());
        Assert.Equal(1, embedded.ExitCode);
        Assert.Contains(Job, embedded.Errors, StringComparison.Ordinal);
        await AssertDoneAsync(user);

        Assert.IsType<JobAccepted>(await user.SubmitAsync("job3", place, place.PathOf("out3"), alpha: 0.5));
    }

    private ExpoProcess Start(int port) => nodes.Start("coordinator,worker", port, "--max-rate", Rate);

    private async Task<SubmittingNode> SubmitAndWaitAsync(ExpoProcess[] members, int committed)
    {
        NodeProcesses.WaitForMembers(members);
        SubmittingNode user = await SubmittingNode.JoinAsync(database!, place.Root);
        await user.SubmitAsync(Job, place, place.Output);
        await user.WaitForAsync(Job, now => now.Committed >= committed, Logs);
        return user;
    }

    // Given up by the others, who have given back the right to decide.
    private bool IsForgotten() => database!.Query("select count(*) from expocluster_removed") == "1"
        && database.Query("select count(*) from expocluster_leases") == "0";

    private string Logs() => nodes.Logs;

    private void AssertNobodyLeft(ExpoProcess[] running)
    {
        Assert.All(running, node => Assert.False(node.HasExited, node.Errors));
        Assert.Equal("1", database!.Query("select count(*) from expocluster_formations"));
        Assert.DoesNotContain("was lost", Logs(), StringComparison.Ordinal);
    }

    private async Task AssertDoneAsync(SubmittingNode user)
    {
        await user.WaitForAsync(Job, now => now.State == "done", Logs);
        for (var clock = Stopwatch.StartNew(); Directory.Exists(Path.Join(place.Output, ".expocluster")) && clock.Elapsed.TotalSeconds < 10; await Task.Delay(100))
        {
        }

        // A file of the work that is left is a difference.
        string expected = place.PathOf("expected");
        RunResult embedded = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", expected, "--json");
        Assert.True(embedded.ExitCode == 0, embedded.ToString());
        Assert.Equal(Workplace.Digests(expected), Workplace.Digests(place.Output));
        Assert.Equal("0", database!.Query("select count(*) from expocluster_outputs where job = '" + Job + "'"));
        Assert.Equal(JobPhase.Done, JournalledEvent.AssertConsistent(JournalledEvent.Of(Job, database)).Phase);
    }
}
