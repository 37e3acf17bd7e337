using System.Text.Json;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.EndToEnd;

/// <summary>Merges that are killed, stopped, or resumed under other circumstances.</summary>
public sealed class InterruptionTests(Xunit.Abstractions.ITestOutputHelper log)
{
    [Fact]
    public void Killed_at_ten_random_moments_it_finishes_with_the_same_bytes()
    {
        using var place = new Workplace("120MB");
        SortedDictionary<string, string> undisturbed = MergeUndisturbed(place);
        int seed = Environment.TickCount;
        var random = new Random(seed);
        log.WriteLine($"seed {seed}");
        for (int kill = 0; kill < 10; kill++)
        {
            using ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "24MB"));
            Thread.Sleep(random.Next(100, 3500));
            process.Kill();
        }

        RunResult last = ExpoProcess.Run(place.Merge());

        Assert.True(last.ExitCode == 0, last.ToString());
        JsonElement parts = last.Json.GetProperty("parts");
        log.WriteLine(last.Output);
        Assert.Equal(parts.GetProperty("total").GetInt32(), parts.GetProperty("computed").GetInt32() + parts.GetProperty("reused").GetInt32());
        Assert.Equal(undisturbed, Workplace.Digests(place.Output));
    }

    /// <summary>Lanes begin before the engine: what they have written then is nobody's.</summary>
    [Fact]
    public void Killed_after_its_first_tile_and_before_its_journal_it_begins_anew()
    {
        using var place = new Workplace("120MB");
        SortedDictionary<string, string> undisturbed = MergeUndisturbed(place);
        OutputPaths paths = OutputPaths.Of(place.Output);
        bool early = false;
        for (int attempt = 1; !early; attempt++)
        {
            Assert.True(attempt <= 10, "a journal was there whenever a tile was");
            if (Directory.Exists(place.Output))
            {
                Directory.Delete(place.Output, recursive: true);
            }

            using ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "24MB"));
            WaitFor(() => HasTile(paths.Workspace), milliseconds: 1);
            process.Kill();
            early = !File.Exists(paths.Journal);
            log.WriteLine($"attempt {attempt}: {(early ? "no journal" : "a journal")}");
        }

        string left = Path.GetFileName(Assert.Single(Directory.GetDirectories(paths.Workspace)));
        RunResult next = ExpoProcess.Run(place.Merge());

        Assert.True(next.ExitCode == 0, next.ToString());
        Assert.NotEqual(left, next.Json.GetProperty("job").GetString() + "-1");
        Assert.Equal(0, next.Json.GetProperty("parts").GetProperty("reused").GetInt32());
        Assert.Equal(undisturbed, Workplace.Digests(place.Output));
    }

    [Fact]
    public void What_was_committed_is_not_computed_again()
    {
        using var place = new Workplace("240MB");
        int reused = 0;
        for (int run = 0; run < 2; run++)
        {
            using ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "30MB"));
            WaitFor(() => Committed(process.Errors) > reused);
            process.Kill();
            int before = reused;
            reused = Committed(process.Errors);
            Assert.True(reused > before);
        }

        RunResult last = ExpoProcess.Run(place.Merge());

        Assert.True(last.ExitCode == 0, last.ToString());
        Assert.True(last.Json.GetProperty("parts").GetProperty("reused").GetInt32() >= 1, last.ToString());
    }

    [Fact]
    public void Interrupted_it_stops_within_seconds_says_how_to_resume_and_resumes()
    {
        using var place = new Workplace("240MB");
        SortedDictionary<string, string> undisturbed = MergeUndisturbed(place);
        foreach (string signal in new[] { "INT", "TERM" })
        {
            using ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "20MB"));
            WaitFor(() => process.Errors.Contains("running", StringComparison.Ordinal));
            Thread.Sleep(500);
            long start = TimeProvider.System.GetTimestamp();
            process.Signal(signal);
            RunResult stopped = process.Wait();
            log.WriteLine($"{signal}: {TimeProvider.System.GetElapsedTime(start)}");
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(8));
            Assert.Equal(130, stopped.ExitCode);
            Assert.Equal("interrupted", stopped.Json.GetProperty("status").GetString());
        }

        RunResult last = ExpoProcess.Run(place.Merge());

        Assert.True(last.ExitCode == 0, last.ToString());
        Assert.True(last.Json.GetProperty("parts").GetProperty("reused").GetInt32() > 0, last.ToString());
        Assert.Equal(undisturbed, Workplace.Digests(place.Output));
    }

    [Fact]
    public void An_input_that_changed_between_kill_and_resume_is_refused_by_name()
    {
        using var place = new Workplace("80MB");
        ExpoProcess.KillInMidMerge(place.Merge());
        string input = Path.Join(place.Base, "model.safetensors");
        File.SetLastWriteTimeUtc(input, DateTime.UtcNow.AddSeconds(5));

        RunResult resumed = ExpoProcess.Run(place.Merge());

        Assert.Equal(3, resumed.ExitCode);
        Assert.Contains("EXPO1207", resumed.Errors, StringComparison.Ordinal);
        Assert.Contains(input, resumed.Errors, StringComparison.Ordinal);
        RunResult restarted = ExpoProcess.Run(place.Merge("--restart"));
        Assert.True(restarted.ExitCode == 0, restarted.ToString());
        Assert.Equal(0, restarted.Json.GetProperty("parts").GetProperty("reused").GetInt32());
    }

    [Fact]
    public void Another_alpha_on_unfinished_work_is_refused_and_restart_throws_it_away()
    {
        using var place = new Workplace("80MB");
        ExpoProcess.KillInMidMerge(place.Merge());

        RunResult other = ExpoProcess.Run(place.MergeWith("0.5"));

        Assert.Equal(2, other.ExitCode);
        Assert.Contains("EXPO2083", other.Errors, StringComparison.Ordinal);
        Assert.Contains("--restart", other.Errors, StringComparison.Ordinal);
        RunResult restarted = ExpoProcess.Run(place.MergeWith("0.5", "--restart"));
        Assert.True(restarted.ExitCode == 0, restarted.ToString());
        Assert.Equal(0, restarted.Json.GetProperty("parts").GetProperty("reused").GetInt32());
    }

    [Fact]
    public void A_lost_staging_file_is_made_and_computed_anew()
    {
        using var place = new Workplace("80MB");
        SortedDictionary<string, string> undisturbed = MergeUndisturbed(place);
        ExpoProcess.KillInMidMerge(place.Merge());
        foreach (string staging in Directory.EnumerateFiles(Path.Join(place.Output, ".expocluster"), "model*.safetensors", SearchOption.AllDirectories))
        {
            File.Delete(staging);
        }

        RunResult resumed = ExpoProcess.Run(place.Merge());

        Assert.True(resumed.ExitCode == 0, resumed.ToString());
        Assert.Equal(undisturbed, Workplace.Digests(place.Output));
    }

    [Fact]
    public void An_input_truncated_under_the_mapping_is_named_by_the_next_run_and_restored_it_finishes()
    {
        using var place = new Workplace("120MB");
        SortedDictionary<string, string> undisturbed = MergeUndisturbed(place);
        string input = Path.Join(place.Aligned, "model.safetensors");
        Copy(input, place.PathOf("backup"));
        using (ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "8MB", "--lanes", "1")))
        {
            WaitFor(() => process.Errors.Contains("running", StringComparison.Ordinal));
            Thread.Sleep(700);
            using (FileStream stream = File.OpenWrite(input))
            {
                stream.SetLength(1_000_000);
            }

            // Whether the kernel kills it (SIGBUS) or a part's check comes first, it does not succeed.
            RunResult broken = process.Wait();
            log.WriteLine($"exit {broken.ExitCode}");
            Assert.NotEqual(0, broken.ExitCode);
        }

        RunResult next = ExpoProcess.Run(place.Merge());
        Assert.True(next.ExitCode == 3, next.ToString());
        Assert.Contains(input, next.Errors, StringComparison.Ordinal);

        Copy(place.PathOf("backup"), input);
        RunResult finished = ExpoProcess.Run(place.Merge());
        Assert.True(finished.ExitCode == 0, finished.ToString());
        Assert.Equal(undisturbed, Workplace.Digests(place.Output));
    }

    /// <summary>strace delivers SIGKILL at the n-th rename, for every n there is, over an older model.</summary>
    [LongFact("strace")]
    public void Killed_at_each_rename_of_a_publish_no_loader_ever_sees_two_models()
    {
        using var place = new Workplace("12MB");
        string[] older = ["merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.9", "--out", place.Output, "--max-shard-size", "4MB"];
        SortedDictionary<string, string> undisturbed = MergeUndisturbed(place);
        int kills = 0;
        for (int rename = 1; ; rename++)
        {
            ResetTo(place, older);
            SortedDictionary<string, string> olderModel = Workplace.Digests(place.Output);
            RunResult run = RunKilledAt(place, "rename", rename, "--overwrite");
            AssertLoaderSeesOneModel(place.Output, olderModel, undisturbed);
            if (run.ExitCode == 0)
            {
                break;
            }

            kills++;
            RunResult finished = ExpoProcess.Run(place.Merge("--overwrite"));
            Assert.True(finished.ExitCode == 0, $"after rename {rename}: {finished}");
            Assert.Equal(undisturbed, Workplace.Digests(place.Output));
        }

        log.WriteLine($"{kills} kills");
        Assert.True(kills > 10, $"only {kills} renames were met");
    }

    [LongFact("strace")]
    public void Killed_while_planning_reserving_flushing_or_sealing_it_finishes()
    {
        using var place = new Workplace("70MB");
        SortedDictionary<string, string> undisturbed = MergeUndisturbed(place);
        foreach ((string call, int time) in new[] { ("flock", 1), ("fallocate", 1), ("fdatasync", 1), ("fdatasync", 3), ("fsync", 2), ("fsync", 6), ("fsync", 10) })
        {
            RunResult killed = RunKilledAt(place, call, time);
            log.WriteLine($"{call} {time}: exit {killed.ExitCode}");
            RunResult finished = ExpoProcess.Run(place.Merge());
            Assert.True(finished.ExitCode == 0, $"{call} {time}: {finished}");
            Assert.Equal(undisturbed, Workplace.Digests(place.Output));
            Directory.Delete(place.Output, recursive: true);
        }
    }

    [FactNeeding("strace")]
    public void Weights_are_durable_before_they_get_their_name_and_every_name_is_made_durable()
    {
        using var place = new Workplace("12MB");
        string trace = place.PathOf("trace");
        using ExpoProcess process = ExpoProcess.StartOther(
            "strace",
            new Dictionary<string, string>(),
            ["-f", "-y", "-e", "trace=rename,fsync,fdatasync", "-o", trace, ExpoProcess.ProgramPath, .. place.Merge()]);
        Assert.Equal(0, process.Wait().ExitCode);

        string[] calls = [.. File.ReadAllLines(trace).Where(line => !line.Contains("resumed", StringComparison.Ordinal))];
        int[] published = [.. Enumerable.Range(0, calls.Length).Where(index =>
            calls[index].Contains("rename(", StringComparison.Ordinal) && calls[index].Contains($", \"{place.Output}/", StringComparison.Ordinal)
            && !calls[index].Contains($", \"{place.Output}/.expocluster", StringComparison.Ordinal))];
        Assert.Equal(6, published.Length);
        Assert.Contains("model.safetensors", calls[published[^1]], StringComparison.Ordinal);
        int weightsDurable = Array.FindIndex(calls, line => line.Contains("fdatasync", StringComparison.Ordinal) && line.Contains("model.safetensors", StringComparison.Ordinal));
        Assert.InRange(weightsDurable, 0, published[0]);
        bool IsDurable(int from, int to) => calls[from..to].Any(line => line.Contains("fsync", StringComparison.Ordinal) && line.Contains($"<{place.Output}>", StringComparison.Ordinal));
        Assert.True(IsDurable(published[^2], published[^1]), "the names of all other files last before the entry point gets its own");
        Assert.True(IsDurable(published[^1], calls.Length), "and so does that in the end");
    }

    private static SortedDictionary<string, string> MergeUndisturbed(Workplace place)
    {
        string reference = place.PathOf("reference");
        RunResult merge = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", reference);
        Assert.True(merge.ExitCode == 0, merge.ToString());
        return Workplace.Digests(reference);
    }

    // With its time, to the nanosecond, which .NET's own copy does not keep.
    private static void Copy(string from, string to)
    {
        using var copy = System.Diagnostics.Process.Start("cp", ["-p", from, to]);
        copy.WaitForExit();
    }

    private static RunResult RunKilledAt(Workplace place, string call, int time, params string[] more)
    {
        using ExpoProcess process = ExpoProcess.StartOther(
            "strace",
            new Dictionary<string, string>(),
            ["-f", "-o", "/dev/null", "-e", $"trace={call}", "-e", $"inject={call}:signal=KILL:when={time}", ExpoProcess.ProgramPath, .. place.Merge(more)]);
        return process.Wait();
    }

    private static void ResetTo(Workplace place, string[] older)
    {
        if (Directory.Exists(place.Output))
        {
            Directory.Delete(place.Output, recursive: true);
        }

        RunResult merge = ExpoProcess.Run(older);
        Assert.True(merge.ExitCode == 0, merge.ToString());
    }

    // As loaders do: model.safetensors, or the index and all that it names.
    private static void AssertLoaderSeesOneModel(
        string output, SortedDictionary<string, string> older, SortedDictionary<string, string> newer)
    {
        SortedDictionary<string, string> now = Workplace.Digests(output);
        string? entry = now.Keys.FirstOrDefault(name => name == "model.safetensors") ?? now.Keys.FirstOrDefault(SideFileSelection.IsEntryPoint);
        if (entry is null)
        {
            return;
        }

        SortedDictionary<string, string> expected = newer.TryGetValue(entry, out string? digest) && digest == now[entry] ? newer : older;
        IEnumerable<string> seen = entry == "model.safetensors"
            ? [entry]
            : JsonDocument.Parse(File.ReadAllText(Path.Join(output, entry))).RootElement.GetProperty("weight_map").EnumerateObject()
                .Select(tensor => tensor.Value.GetString()!).Distinct();
        Assert.All([entry, .. seen], name => Assert.Equal(expected[name], now[name]));
    }

    /// <summary>How many thirds the last progress line says are committed; each is of two parts or more.</summary>
    private static int Committed(string errors)
    {
        string? line = errors.Split('\n').LastOrDefault(line => line.StartsWith("running", StringComparison.Ordinal));
        return line is null ? 0 : int.Parse(line.Split(' ')[1].TrimEnd('%'), System.Globalization.CultureInfo.InvariantCulture) / 30;
    }

    // A file's first bytes are its header's, and not zero.
    private static bool HasTile(string workspace)
    {
        if (!Directory.Exists(workspace))
        {
            return false;
        }

        foreach (string staging in Directory.EnumerateFiles(workspace, "model.safetensors", SearchOption.AllDirectories))
        {
            using FileStream file = new(staging, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (file.ReadByte() > 0)
            {
                return true;
            }
        }

        return false;
    }

    private static void WaitFor(Func<bool> condition, int milliseconds = 20)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < TimeSpan.FromSeconds(60), "it did not come to that within a minute");
            Thread.Sleep(milliseconds);
        }
    }
}
