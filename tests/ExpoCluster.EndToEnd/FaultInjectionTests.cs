using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace ExpoCluster.EndToEnd;

/// <summary>
/// strace has a system call on the output fail, in a thread's first, middle and last of its kind: the merge says so or goes on, and the same
/// command afterwards ends with the same bytes.
/// </summary>
/// <remarks>
/// strace selects by exact paths, so the job's id must be known: the workspace is laid out as if a merge had died before its first event.
/// </remarks>
public sealed partial class FaultInjectionTests : IDisposable
{
    private const string Job = "faulty";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ITestOutputHelper log;
    private readonly Workplace place = new("6MB");
    private readonly SortedDictionary<string, string> undisturbed;
    private readonly string planDigest;
    private readonly string[] paths;

    public FaultInjectionTests(ITestOutputHelper log)
    {
        this.log = log;
        RunResult merge = ExpoProcess.Run(Arguments);
        Assert.True(merge.ExitCode == 0, merge.ToString());
        undisturbed = Workplace.Digests(place.Output);
        planDigest = JsonDocument.Parse(File.ReadAllText(Path.Join(place.Output, "expocluster.json"))).RootElement.GetProperty("planDigest").GetString()!;
        paths = [.. Paths()];
    }

    private string Workspace => Path.Join(place.Output, ".expocluster");

    private string[] Arguments => place.Merge("--max-shard-size", "2MB", "--lanes", "2");

    public void Dispose() => place.Dispose();

    [LongTheory("strace")]
    [InlineData("pwrite64")]
    [InlineData("pread64")]
    [InlineData("fdatasync")]
    [InlineData("fsync")]
    [InlineData("rename")]
    [InlineData("openat")]
    [InlineData("fallocate")]
    [InlineData("ftruncate")]
    [InlineData("flock")]
    [InlineData("unlink")]
    public void A_call_that_fails_is_said_and_the_same_command_ends_with_the_same_bytes(string call)
    {
        int most = CountCalls(call);
        Assert.True(most > 0, $"no {call} was met");
        foreach (string error in new[] { "EIO", "ENOSPC", "EDQUOT", "ESTALE", "EINTR" })
        {
            foreach (int time in Times(error, most))
            {
                RunResult broken = Inject(call, error, time);
                string code = CodeOf(broken);
                log.WriteLine($"{call} {error} {time}: exit {broken.ExitCode} {code}");
                AssertSaid(call, error, time, broken, code);
                RunResult again = ExpoProcess.Run(Arguments);
                Assert.True(again.ExitCode == 0, $"after {call} {error} {time}: {again}");
                Assert.Equal(undisturbed, Workplace.Digests(place.Output));
            }
        }
    }

    // The commonest two errors at each of the three moments; the others so only with EXPO_FAULTS=all, which takes twice as long.
    private static IEnumerable<int> Times(string error, int most)
    {
        int middle = (most + 1) / 2;
        bool isWhole = error is "EIO" or "ENOSPC" || Environment.GetEnvironmentVariable("EXPO_FAULTS") == "all";
        return isWhole ? new[] { 1, middle, most }.Distinct() : [middle];
    }

    private void AssertSaid(string call, string error, int time, RunResult broken, string code)
    {
        string what = $"{call} {error} {time}: {broken}";
        Assert.DoesNotContain("   at ", broken.Errors, StringComparison.Ordinal);
        Assert.True(code is "" or "EXPO4001" or "EXPO4002" or "EXPO4005" or "EXPO4011", what);
        Assert.True(broken.ExitCode == (code.Length == 0 ? 0 : 4), what);
        if (broken.ExitCode == 0)
        {
            // It did not matter, as where only litter was to be removed: then the output must be the one that was asked for.
            Assert.Equal(undisturbed.Where(file => !IsLitter(file.Key)), Workplace.Digests(place.Output).Where(file => !IsLitter(file.Key)));
        }

        if (error == "EINTR" && call is not ("fsync" or "unlink"))
        {
            // SQLite alone takes an interrupted sync or unlink for a failure.
            Assert.True(broken.ExitCode == 0, what);
        }
    }

    private static bool IsLitter(string name) => name.StartsWith(".expocluster", StringComparison.Ordinal);

    private static string CodeOf(RunResult run) => ErrorLine().Match(run.Errors) is { Success: true } found ? found.Groups[1].Value : "";

    // Most of any thread: strace counts each thread by itself.
    private int CountCalls(string call)
    {
        LayOut();
        string trace = place.PathOf("trace");
        RunResult clean = Run(call, trace);
        Assert.True(clean.ExitCode == 0, clean.ToString());
        return File.ReadLines(trace).Where(line => line.Contains(call + "(", StringComparison.Ordinal))
            .GroupBy(line => line.Split(' ')[0]).Select(thread => thread.Count()).DefaultIfEmpty(0).Max();
    }

    private RunResult Inject(string call, string error, int time)
    {
        LayOut();
        return Run(call, "/dev/null", "-e", string.Create(CultureInfo.InvariantCulture, $"inject={call}:error={error}:when={time}"));
    }

    private RunResult Run(string call, string trace, params string[] more)
    {
        string[] options = ["-f", "--seccomp-bpf", "-qq", "-o", trace, .. paths.SelectMany(path => new[] { "-P", path }), "-e", "trace=" + call, .. more];
        using ExpoProcess process = ExpoProcess.StartOther("strace", new Dictionary<string, string>(), [.. options, ExpoProcess.ProgramPath, .. Arguments]);
        return process.Wait(Patience);
    }

    private void LayOut()
    {
        Directory.Delete(place.Output, recursive: true);
        Directory.CreateDirectory(Workspace);
        File.WriteAllText(Path.Join(Workspace, "journal.db"), "");
        File.WriteAllText(
            Path.Join(Workspace, "claim"),
            JsonSerializer.Serialize(new { job = Job, planDigest, host = "host", pid = 1, inFlight = Array.Empty<string>() }));
    }

    private IEnumerable<string> Paths()
    {
        yield return place.Output;
        yield return Workspace;
        yield return Path.Join(place.Output, ".expocluster-trial");
        string[] ours =
        [
            "claim", "journal.db", "journal.db-wal", "journal.db-shm", "journal.db-journal", Job + ".plan.json", Job + ".plan.json.unfinished", Job + "-1", Job + "-prepared",
            Job + ".side-files.json", Job + ".side-files.json.unfinished", "trial-1", "trial-2",
        ];
        foreach (string name in ours)
        {
            yield return Path.Join(Workspace, name);
        }

        foreach (string name in undisturbed.Keys)
        {
            yield return Path.Join(place.Output, name);
            yield return Path.Join(Workspace, Job + "-1", name);
            yield return Path.Join(Workspace, Job + "-prepared", name);
        }
    }

    [GeneratedRegex(@"error (EXPO\d+):")]
    private static partial Regex ErrorLine();
}
