using System.Diagnostics;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>Files that go along with the weights, and change while a merge runs.</summary>
public sealed class ChangedSideFileTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Workplace place = new("70MB");
    private readonly string content;

    public ChangedSideFileTests() => content = File.ReadAllText(Config);

    private string Config => Path.Join(place.Aligned, "config.json");

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("remove")]
    [InlineData("cut")]
    [InlineData("grow")]
    [InlineData("replace")]
    public void A_merge_ends_before_it_publishes_anything_and_with_the_file_put_back_it_finishes(string change)
    {
        using (ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "16MB", "--lanes", "1")))
        {
            AwaitRunning(process);
            Change(change);
            AssertRefused(process.Wait());
        }

        // Nor does a process that knows nothing of the first take the change for what was asked for.
        AssertRefused(ExpoProcess.Run(place.Merge()));

        File.WriteAllText(Config, content);
        RunResult finished = ExpoProcess.Run(place.Merge());
        Assert.True(finished.ExitCode == 0, finished.ToString());
        RunResult reference = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.PathOf("reference"));
        Assert.Equal(0, reference.ExitCode);
        Assert.Equal(Workplace.Digests(place.PathOf("reference")), Workplace.Digests(place.Output));
    }

    [Fact]
    public void Begun_anew_a_merge_takes_the_files_as_they_are()
    {
        using (ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "16MB", "--lanes", "1")))
        {
            AwaitRunning(process);
            File.Delete(Config);
            AssertRefused(process.Wait());
        }

        RunResult finished = ExpoProcess.Run(place.Merge("--restart"));

        Assert.True(finished.ExitCode == 0, finished.ToString());
        Assert.False(File.Exists(Path.Join(place.Output, "config.json")));
    }

    [Fact]
    public void A_job_of_a_server_fails_and_is_resumed_when_the_file_is_back()
    {
        string server = $"http://127.0.0.1:{PostgresServer.FreePort()}";
        using ExpoProcess node = ExpoProcess.Start(
            "node", "--port", "0", "--database", "sqlite:" + place.PathOf("jobs.db"), "--storage-root", place.Root, "--http", server, "--lanes", "1", "--max-rate", "16MB");
        NodeProcesses.WaitForMembers(node);
        using (ExpoProcess merge = ExpoProcess.Start("merge", "--base", "base", "--aligned", "aligned", "--alpha", "0.3", "--out", "out", "--json", "--server", server))
        {
            AwaitRunning(merge);
            File.Delete(Config);
            AssertRefused(merge.Wait());
        }

        string id = Run("jobs", "list", "--json").Json.GetProperty("jobs")[0].GetProperty("id").GetString()!;
        File.WriteAllText(Config, content);
        Assert.Equal(0, Run("jobs", "resume", id).ExitCode);
        JsonElement job = default;
        for (var clock = Stopwatch.StartNew(); job.ValueKind == JsonValueKind.Undefined || job.GetProperty("state").GetString() != "done"; Thread.Sleep(100))
        {
            job = Run("jobs", "show", id, "--json").Json;
            Assert.True(clock.Elapsed < Patience, job.ToString());
        }

        Assert.True(File.Exists(Path.Join(place.Output, "config.json")));
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);

        RunResult Run(params string[] arguments) => ExpoProcess.Run([.. arguments, "--server", server]);
    }

    private void AssertRefused(RunResult result)
    {
        Assert.True(result.ExitCode == 3, result.ToString());
        Assert.Contains("EXPO1125", result.Errors, StringComparison.Ordinal);
        Assert.Contains(Config, result.Errors, StringComparison.Ordinal);
        Assert.Equal([".expocluster"], Directory.EnumerateFileSystemEntries(place.Output).Select(path => Path.GetFileName(path)));
    }

    private void Change(string how)
    {
        switch (how)
        {
            case "remove":
                File.Delete(Config);
                break;
            case "cut":
                File.WriteAllText(Config, "{}");
                break;
            case "grow":
                File.AppendAllText(Config, "\n");
                break;
            default:
                File.WriteAllText(Config + ".new", content.Replace("llama", "other", StringComparison.OrdinalIgnoreCase));
                File.Move(Config + ".new", Config, overwrite: true);
                break;
        }
    }

    private static void AwaitRunning(ExpoProcess process)
    {
        for (var clock = Stopwatch.StartNew(); !process.Errors.Contains("running", StringComparison.Ordinal); Thread.Sleep(20))
        {
            Assert.True(clock.Elapsed < Patience && !process.HasExited, process.Errors);
        }
    }
}
