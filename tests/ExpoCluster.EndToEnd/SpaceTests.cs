using System.Diagnostics;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>Jobs of a server whose storage is a small file system of its own.</summary>
public sealed class SpaceTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Workplace place = new();
    private readonly string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
    private SmallDisk? disk;
    private ExpoProcess? node;

    public void Dispose()
    {
        // Until it is gone its files keep the file system busy.
        node?.Kill();
        node?.Dispose();
        disk?.Dispose();
        place.Dispose();
    }

    [FactNeeding(Needs.Root, "mount")]
    public void Of_two_jobs_that_do_not_fit_together_the_second_is_queued_and_says_why_and_goes_on_when_there_is_room()
    {
        Start("260m", "20MB");
        string first = Submit("one", "--alpha", "0.3");
        string second = Submit("two", "--alpha", "0.5");

        JsonElement waiting = Await(second, job => job.GetProperty("state").GetString() == "queued");
        Assert.Equal("EXPO4007", waiting.GetProperty("reason").GetProperty("code").GetString());
        Assert.Contains("free", waiting.GetProperty("reason").GetProperty("message").GetString(), StringComparison.Ordinal);
        Await(first, IsDone);
        Assert.Equal("queued", Show(second).GetProperty("state").GetString());
        Directory.Delete(Path.Join(disk!.Path, "one"), recursive: true);

        Await(second, IsDone);
        Assert.Equal(0, ExpoProcess.Run("verify", Path.Join(disk.Path, "two")).ExitCode);
        string[] states = [.. Run("jobs", "list", "--json").Json.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("state").GetString()!)];
        Assert.Equal(["done", "done"], states);
    }

    [FactNeeding(Needs.Root, "mount")]
    public void A_queued_job_can_be_cancelled_and_a_merge_that_could_never_fit_is_refused_at_once()
    {
        Start("260m", "5MB");
        Submit("one", "--alpha", "0.3");
        string second = Submit("two", "--alpha", "0.5");
        Await(second, job => job.GetProperty("state").GetString() == "queued");

        Assert.Equal(0, Run("jobs", "cancel", second).ExitCode);
        Assert.Equal("cancelled", Show(second).GetProperty("state").GetString());

        RunResult refused = Run("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--dtype", "f32", "--max-shard-size", "1GB", "--out", "three", "--json");
        Assert.Equal((4, "EXPO4001"), (refused.ExitCode, refused.Json.GetProperty("code").GetString()));
    }

    private static bool IsDone(JsonElement job) => job.GetProperty("state").GetString() == "done";

    // A pair of 60 MB takes 120, and an output 60 more.
    private void Start(string size, string rate)
    {
        disk = new SmallDisk(place.PathOf("disk"), size);
        RunResult sample = ExpoProcess.Run("sample", disk.Path, "--size", "60MB");
        Assert.True(sample.ExitCode == 0, sample.ToString());
        long room = new DriveInfo(disk.Path).AvailableFreeSpace;
        File.WriteAllBytes(Path.Join(disk.Path, "filler"), new byte[room - 100_000_000]);
        node = ExpoProcess.Start(
            "node", "--port", "0", "--database", "sqlite:" + place.PathOf("jobs.db"), "--storage-root", disk.Path, "--http", server, "--lanes", "1", "--max-rate", rate);
        NodeProcesses.WaitForMembers(node);
    }

    private RunResult Run(params string[] arguments) => ExpoProcess.Run([.. arguments, "--server", server]);

    private string Submit(string output, params string[] more)
    {
        using ExpoProcess merge = ExpoProcess.Start(["merge", "--base", "base", "--aligned", "aligned", "--out", output, "--json", "--server", server, .. more]);
        string? id = null;
        Eventually(() =>
        {
            RunResult list = Run("jobs", "list", "--json");
            id = list.ExitCode != 0 ? null : list.Json.GetProperty("jobs").EnumerateArray()
                .Where(job => job.GetProperty("output")[0].GetString()!.EndsWith("/" + output, StringComparison.Ordinal))
                .Select(job => job.GetProperty("id").GetString())
                .SingleOrDefault();
            Assert.True(id is not null || !merge.HasExited, merge.Errors);
            return id is not null;
        });
        return id!;
    }

    private JsonElement Show(string id) => Run("jobs", "show", id, "--json").Json;

    private JsonElement Await(string id, Func<JsonElement, bool> fits)
    {
        JsonElement job = default;
        Eventually(() =>
        {
            job = Show(id);
            return fits(job);
        });
        return job;
    }

    private void Eventually(Func<bool> isSo)
    {
        for (var clock = Stopwatch.StartNew(); !isSo(); Thread.Sleep(50))
        {
            Assert.True(clock.Elapsed < Patience, node!.Errors);
        }
    }
}
