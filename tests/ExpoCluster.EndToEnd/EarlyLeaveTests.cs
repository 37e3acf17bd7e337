using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>Nodes are told to leave, at any moment of their start and later: they take leave, and nobody's log has an error.</summary>
public sealed class EarlyLeaveTests : IDisposable
{
    private const string AllRoles = "coordinator,worker,web";

    // How the runtime ends a process that is told to stop before the program has begun.
    private const int Terminated = 143;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // For a machine that has other things to do; on one that has not it is a second or two.
    private static readonly TimeSpan LeaveGuard = TimeSpan.FromSeconds(15);

    // After so long a member that vanished would have been missed, and given up.
    private static readonly TimeSpan Missed = TimeSpan.FromSeconds(11);

    private readonly ITestOutputHelper output;
    private readonly Workplace place = new();
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;
    private readonly List<ExpoProcess> all = [];

    public EarlyLeaveTests(ITestOutputHelper output)
    {
        this.output = output;
        nodes = new NodeProcesses(database!, place.Root);
    }

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [FactNeeding(Needs.Postgres)]
    public async Task Whoever_is_told_to_leave_while_it_starts_leaves_no_member_behind()
    {
        Uri web = new($"http://127.0.0.1:{PostgresServer.FreePort()}");
        ExpoProcess[] stay = [Start(web), Start()];
        NodeProcesses.WaitForMembers(stay);

        // Three at a time, each of the moments once. Which of them is a member's depends on the machine.
        int[] moments = [3000, 0, 2600, 30, 2200, 300, 1900, 700, 1600, 1000, 1300];
        await Parallel.ForEachAsync(moments, new ParallelOptions { MaxDegreeOfParallelism = 3 }, async (moment, _) =>
        {
            ExpoProcess node = Start();
            await Task.Delay(moment, CancellationToken.None);
            long told = Stopwatch.GetTimestamp();
            node.Signal("TERM");
            RunResult left = node.Wait();
            TimeSpan took = Stopwatch.GetElapsedTime(told);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{moment} ms: {took.TotalSeconds:0.00} s, exit {left.ExitCode}"));
            Assert.True(left.ExitCode is 0 or Terminated, $"{moment} ms: {left}");
            Assert.True(took < LeaveGuard, $"{moment} ms: {took}\n{left}");
            Assert.DoesNotContain("   at ", left.Errors, StringComparison.Ordinal);
        });

        await Task.Delay(Missed);
        AssertNobodyComplains();
        Assert.Equal(2, MembersAt(web));
        Assert.Equal("2", database!.Query("select count(*) from expocluster_nodes"));
        Assert.Equal("0", database!.Query("select count(*) from expocluster_removed"));
    }

    [FactNeeding(Needs.Postgres)]
    public void Nodes_leave_and_come_back_one_after_another_and_leave_together_without_an_error()
    {
        int[] ports = [.. Enumerable.Range(0, 3).Select(_ => PostgresServer.FreePort())];
        ExpoProcess[] running = [.. ports.Select(port => Start(port: port))];
        NodeProcesses.WaitForMembers(running);
        for (int one = 0; one < 2; one++)
        {
            running[one].Signal("TERM");
            Assert.Equal(0, running[one].Wait().ExitCode);
            running[one] = Start(port: ports[one]);
            NodeProcesses.WaitForMembers(running[one]);
        }

        long told = Stopwatch.GetTimestamp();
        Array.ForEach(running, node => node.Signal("TERM"));
        Assert.All(running, node => Assert.Equal(0, node.Wait().ExitCode));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"all gone after {Stopwatch.GetElapsedTime(told).TotalSeconds:0.00} s"));
        AssertNobodyComplains();
        Assert.Equal("0", database!.Query("select count(*) from expocluster_nodes"));
    }

    private ExpoProcess Start(Uri? web = null, int port = 0)
    {
        ExpoProcess node = nodes.Start(AllRoles, port, "--log-format", "json", "--http", (web ?? new Uri("http://127.0.0.1:0")).ToString());
        lock (all)
        {
            all.Add(node);
        }

        return node;
    }

    private void AssertNobodyComplains()
    {
        string[] lines = [.. all.SelectMany(node => node.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        Assert.NotEmpty(lines);
        Assert.All(lines, line =>
        {
            JsonElement said = JsonDocument.Parse(line).RootElement;
            Assert.NotEqual("error", said.GetProperty("level").GetString());
            Assert.DoesNotContain("UNREACHABLE", line, StringComparison.Ordinal);
            Assert.DoesNotContain("has died", line, StringComparison.Ordinal);
        });
    }

    private static int MembersAt(Uri web)
    {
        using var http = new HttpClient { Timeout = Patience };
        using JsonDocument status = JsonDocument.Parse(http.GetStringAsync(new Uri(web, "/api/cluster")).GetAwaiter().GetResult());
        return status.RootElement.GetProperty("nodes").GetArrayLength();
    }
}
