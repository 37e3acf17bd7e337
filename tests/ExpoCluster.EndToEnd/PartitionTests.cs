using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Jobs;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>Two halves of a cluster, each with all roles, that cannot reach each other while both reach database and storage.</summary>
public sealed class PartitionTests : IDisposable
{
    private const string Job = "parted";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly ITestOutputHelper output;
    private readonly Workplace place = new("512MB");
    private readonly NetworkHalves? network = NetworkHalves.Missing is null ? new NetworkHalves() : null;
    private readonly PostgresServer? database;
    private readonly NodeProcesses nodes;
    private readonly NodeSupervisor supervisor = new();

    public PartitionTests(ITestOutputHelper output)
    {
        this.output = output;
        database = PostgresServer.Missing is null ? new PostgresServer(network?.Here) : null;
        nodes = new NodeProcesses(database!, place.Root);
    }

    public void Dispose()
    {
        supervisor.Dispose();
        nodes.Dispose();
        database?.Dispose();
        network?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres, Needs.Namespaces)]
    public async Task One_half_goes_on_the_other_steps_down_and_both_are_one_again()
    {
        Uri web = new($"http://{network!.AddressOf(0)}:{PostgresServer.FreePort()}");
        int[] halves = [Keep(0, "coordinator,worker,web", "--http", web.ToString()), Keep(0, "coordinator,worker"), Keep(1, "coordinator,worker"), Keep(1, "coordinator,worker")];
        NodeProcesses.WaitForMembers([.. halves.Select(supervisor.Current)]);
        using (var client = new ExpoClusterClient(web))
        {
            await client.SubmitAsync(new RecipeRequest { Id = Job, Base = "base", Aligned = "aligned", Alpha = JsonValue.Create(0.3), Output = "out" });
        }

        await UntilAsync(() => Committed() >= 2);
        DateTimeOffset parted = DateTimeOffset.UtcNow;
        network.Part();
        await Task.Delay(TimeSpan.FromSeconds(60));
        int inBetween = JournalledEvent.Of(Job, database!).Count(row => row.At > parted && row.Event is JobEvent.PartsCommitted);
        int stepDowns = supervisor.StepDowns;
        network.Join();
        await UntilAsync(() => State().Phase == JobPhase.Done);

        output.WriteLine($"{stepDowns} nodes stepped down; {inBetween} commits while the halves were parted");
        Assert.True(inBetween > 0, nodes.Logs);
        Assert.Equal(2, stepDowns);
        Assert.Equal("1", database!.Query("select count(*) from expocluster_formations"));
        await UntilAsync(() => !Directory.Exists(Path.Join(place.Output, ".expocluster")));
        Assert.Equal(MergeEmbedded(), Workplace.Digests(place.Output));
        // Those that stepped down come back as members of the same cluster.
        NodeProcesses.WaitForMembers([.. halves.Select(supervisor.Current)]);
        Assert.All(supervisor.Ends, words => Assert.Contains("EXPO5013", words, StringComparison.Ordinal));
    }

    private int Keep(int half, string roles, params string[] more)
    {
        int port = PostgresServer.FreePort();
        string url = database!.Url.Replace("127.0.0.1", network!.Here, StringComparison.Ordinal);
        return supervisor.Keep(() => nodes.StartUnder(
            network.Inside(half), roles, port, ["--database", url, "--hostname", network.AddressOf(half), "--auth", "none", "--max-rate", "3MB", .. more]));
    }

    private int Committed() => State().CommittedParts;

    private JobState State() => JournalledEvent.AssertConsistent(JournalledEvent.Of(Job, database!));

    private async Task UntilAsync(Func<bool> holds)
    {
        for (var clock = Stopwatch.StartNew(); !holds(); await Task.Delay(200))
        {
            Assert.True(clock.Elapsed < Patience, string.Create(CultureInfo.InvariantCulture, $"not within {Patience}\n{nodes.Logs}"));
        }
    }

    private SortedDictionary<string, string> MergeEmbedded()
    {
        string expected = place.PathOf("expected");
        RunResult embedded = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", expected, "--json");
        Assert.True(embedded.ExitCode == 0, embedded.ToString());
        return Workplace.Digests(expected);
    }
}
