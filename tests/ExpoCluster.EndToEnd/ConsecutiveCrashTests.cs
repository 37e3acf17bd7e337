using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Client;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Jobs;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>Nodes of a cluster of five are killed one after another, each time one that has just given the last one up: the rest go on.</summary>
public sealed class ConsecutiveCrashTests : IDisposable
{
    private const string Job = "crashed";
    private const string Rate = "2MB";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    // For a machine that has other things to do: on one that has not the next commit comes within 15 s, which is printed.
    private static readonly TimeSpan RecoveryGuard = TimeSpan.FromSeconds(40);

    private readonly ITestOutputHelper output;
    private readonly Workplace place = new("512MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;

    public ConsecutiveCrashTests(ITestOutputHelper output)
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

    [LongTheory(Needs.Postgres)]
    [InlineData(12, false)]
    [InlineData(0, true)]
    public async Task The_rest_go_on(int secondsBetween, bool areReplaced)
    {
        Dictionary<int, ExpoProcess> alive = await StartAsync();
        DateTimeOffset start = DateTimeOffset.UtcNow;
        DateTimeOffset last = start;
        int victim = 0;
        for (int crash = 0; crash < 3; crash++)
        {
            if (crash > 0)
            {
                await Task.Delay(TimeSpan.FromSeconds(secondsBetween));
                await UntilAsync(() => WhoGaveUp(alive, victim) is not null, $"nobody gave {victim} up");
            }

            victim = WhoGaveUp(alive, victim) ?? alive.Keys.Min();
            alive[victim].Kill();
            alive.Remove(victim);
            last = DateTimeOffset.UtcNow;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(last - start).TotalSeconds:0.0} s: killed {victim}"));
            if (areReplaced)
            {
                int port = PostgresServer.FreePort();
                alive[port] = nodes.Start("coordinator,worker", port, "--max-rate", Rate);
            }
        }

        await UntilAsync(() => Commits().Any(at => at > last), "no commit after the last crash");
        TimeSpan pause = Commits().First(at => at > last) - last;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"next commit {pause.TotalSeconds:0.0} s after the last crash"));
        Assert.True(pause < RecoveryGuard, nodes.Logs);
        // Longer than a decision takes, so that nobody ends a moment later.
        await Task.Delay(TimeSpan.FromSeconds(15));
        Assert.All(alive.Values, node => Assert.False(node.HasExited, node.Errors));
        Assert.Equal("1", database!.Query("select count(*) from expocluster_formations"));
    }

    private async Task<Dictionary<int, ExpoProcess>> StartAsync()
    {
        Uri web = new($"http://127.0.0.1:{PostgresServer.FreePort()}");
        var alive = new Dictionary<int, ExpoProcess>();
        for (int number = 0; number < 5; number++)
        {
            int port = PostgresServer.FreePort();
            alive[port] = number == 0
                ? nodes.Start("coordinator,worker,web", port, "--max-rate", Rate, "--http", web.ToString())
                : nodes.Start("coordinator,worker", port, "--max-rate", Rate);
        }

        NodeProcesses.WaitForMembers([.. alive.Values]);
        using var client = new ExpoClusterClient(web);
        await client.SubmitAsync(new RecipeRequest { Id = Job, Base = "base", Aligned = "aligned", Alpha = JsonValue.Create(0.3), Output = "out" });
        await UntilAsync(() => Commits().Any(), "no commit");
        return alive;
    }

    private static int? WhoGaveUp(Dictionary<int, ExpoProcess> alive, int lost) =>
        alive.Keys.Order().Cast<int?>().FirstOrDefault(port => alive[port!.Value].Errors.Contains($":{lost} has died", StringComparison.Ordinal));

    private IEnumerable<DateTimeOffset> Commits() =>
        JournalledEvent.Of(Job, database!).Where(row => row.Event is JobEvent.PartsCommitted).Select(row => row.At);

    private async Task UntilAsync(Func<bool> holds, string otherwise)
    {
        for (long start = TimeProvider.System.GetTimestamp(); !holds(); await Task.Delay(100))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience, $"{otherwise}\n{nodes.Logs}");
        }
    }
}
