namespace ExpoCluster.EndToEnd;

/// <summary>What a short command does not need it does not load.</summary>
public sealed class StartUpTests : IDisposable
{
    private readonly Workplace place = new("1MB");

    public void Dispose() => place.Dispose();

    [FactNeeding("strace")]
    public void Only_a_node_loads_what_tells_others_of_its_metrics()
    {
        string[] pair = ["--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.Output];

        foreach (string[] command in new string[][] { ["--help"], ["plan", .. pair], ["merge", .. pair] })
        {
            string trace = place.PathOf("opened");
            using ExpoProcess run = ExpoProcess.StartOther("strace", new Dictionary<string, string>(), ["-f", "-e", "trace=openat", "-o", trace, ExpoProcess.ProgramPath, .. command]);
            RunResult result = run.Wait();

            Assert.True(result.ExitCode == 0, result.ToString());
            string[] opened = [.. File.ReadLines(trace).Where(line => line.Contains(".dll", StringComparison.Ordinal))];
            Assert.Contains(opened, line => line.Contains("ExpoCluster.Core.dll", StringComparison.Ordinal) || command[0] == "--help");
            Assert.DoesNotContain(opened, line => line.Contains("OpenTelemetry", StringComparison.Ordinal));
        }
    }
}
