using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>Ended jobs of a cluster of real processes are forgotten, and the others go on.</summary>
public sealed class PruneTests : IDisposable
{
    private readonly Workplace place = new("128MB");
    private readonly PostgresServer? database = PostgresServer.Missing is null ? new PostgresServer() : null;
    private readonly NodeProcesses nodes;
    private readonly int port = PostgresServer.FreePort();
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";

    public PruneTests() => nodes = new NodeProcesses(database!, place.Root);

    public void Dispose()
    {
        nodes.Dispose();
        database?.Dispose();
        place.Dispose();
    }

    [LongFact(Needs.Postgres)]
    public void Rows_of_ended_jobs_go_and_a_running_one_survives_that_and_a_restart_of_everything()
    {
        ExpoProcess[] running = StartNodes();
        Assert.Equal(0, Merge("first", "--quiet").ExitCode);
        Dictionary<string, string> made = new(Workplace.Digests(place.PathOf("first")));
        string first = JobsIn("done").Single();
        using ExpoProcess doomed = Submit("second");
        string second = WaitForJob("second");
        Assert.Equal(0, Jobs("cancel", second).ExitCode);
        doomed.Wait();
        using ExpoProcess lasting = Submit("third");
        string third = WaitForJob("third");

        RunResult dry = Jobs("prune", "--older-than", "0s", "--dry-run");
        Assert.Contains("2 jobs would be forgotten", dry.Output, StringComparison.Ordinal);
        Assert.Contains("0 jobs forgotten", Jobs("prune").Output, StringComparison.Ordinal);
        JsonElement pruned = Jobs("prune", "--older-than", "0s", "--state", "done,cancelled", "--json").Json;

        Assert.Equal(new[] { first, second }.Order(), pruned.GetProperty("jobs").EnumerateArray().Select(job => job.GetString()!).Order());
        Assert.Equal([third], JobsIn());
        foreach (string job in new[] { first, second })
        {
            Assert.Equal("0", database!.Query($"select (select count(*) from journal where persistence_id = 'job-{job}') + (select count(*) from expocluster_jobs where job = '{job}') + (select count(*) from expocluster_job_states where job = '{job}') + (select count(*) from expocluster_outputs where job = '{job}')"));
        }

        Assert.NotEqual("0", database!.Query($"select count(*) from journal where persistence_id = 'job-{third}'"));
        Assert.Equal(made, Workplace.Digests(place.PathOf("first")));

        lasting.Signal("INT");
        lasting.Wait();
        Array.ForEach(running, node => node.Kill());
        StartNodes();
        RunResult watched = Jobs("watch", third, "--json");
        Assert.True(watched is { ExitCode: 0 } && watched.Json.GetProperty("state").GetString() == "done", watched + nodes.Logs);
        Assert.Equal(made["model.safetensors"], Workplace.Digests(place.PathOf("third"))["model.safetensors"]);
        Assert.Equal([third], JobsIn());
    }

    [LongFact(Needs.Postgres)]
    public void A_cluster_that_keeps_jobs_for_a_time_forgets_them_by_itself()
    {
        ExpoProcess[] running = StartNodes();
        Assert.Equal(0, Merge("first", "--quiet").ExitCode);
        Array.ForEach(running, node => node.Kill());

        ExpoProcess[] keeping = StartNodes("--keep-jobs", "0s");
        NodeProcesses.WaitFor(keeping[0], "jobs that ended more than 0 days ago were forgotten: 1.");

        Assert.Empty(JobsIn());
        Assert.DoesNotContain("were forgotten", keeping[1].Errors, StringComparison.Ordinal);
        Assert.Equal(0, Merge("second", "--quiet").ExitCode);
    }

    private ExpoProcess[] StartNodes(params string[] more)
    {
        ExpoProcess[] started =
        [
            nodes.Start("coordinator,web", port, ["--http", server, .. more]),
            nodes.Start("worker", 0, ["--max-rate", "12MB", .. more]),
        ];
        NodeProcesses.WaitForMembers(started);
        NodeProcesses.WaitFor(started[0], "serving");
        return started;
    }

    private RunResult Merge(string output, params string[] more) => ExpoProcess.Run(Arguments(output, more));

    private ExpoProcess Submit(string output) => ExpoProcess.Start(Arguments(output));

    private string[] Arguments(string output, params string[] more) =>
        ["merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", output, "--server", server, .. more];

    private RunResult Jobs(string command, params string[] more) => ExpoProcess.Run(["jobs", command, "--server", server, .. more]);

    private IEnumerable<string> JobsIn(string? state = null) => Rows(state is null ? [] : ["--state", state]).Select(job => job.GetProperty("id").GetString()!);

    private JsonElement[] Rows(params string[] more)
    {
        RunResult list = Jobs("list", ["--json", .. more]);
        Assert.True(list.ExitCode == 0, list + nodes.Logs);
        return [.. list.Json.GetProperty("jobs").EnumerateArray()];
    }

    private string WaitForJob(string output)
    {
        for (long began = TimeProvider.System.GetTimestamp(); ; Thread.Sleep(100))
        {
            foreach (JsonElement job in Rows().Where(job => job.GetProperty("output")[0].GetString()!.EndsWith(output, StringComparison.Ordinal)))
            {
                if (job.GetProperty("parts").GetProperty("assigned").GetInt32() > 0)
                {
                    return job.GetProperty("id").GetString()!;
                }
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(1), nodes.Logs);
        }
    }
}
