using System.Diagnostics;

namespace ExpoCluster.EndToEnd;

/// <summary>Inputs that change while a merge reads them.</summary>
public sealed class ChangedInputTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("shorten", "map")]
    [InlineData("shorten", "read")]
    [InlineData("replace", "map")]
    [InlineData("replace", "read")]
    [InlineData("swap", "map")]
    [InlineData("swap", "read")]
    [InlineData("move", "map")]
    [InlineData("move", "read")]
    [InlineData("rewrite", "map")]
    [InlineData("rewrite", "read")]
    public void It_ends_with_an_error_that_names_the_file_and_with_the_file_put_back_it_finishes(string change, string io)
    {
        using var place = new Workplace("70MB");
        string input = Path.Join(place.Aligned, "model.safetensors");
        string backup = place.PathOf("backup");
        Run("cp", "-p", input, backup);
        using ExpoProcess process = ExpoProcess.Start(place.Merge("--max-rate", "8MB", "--lanes", "1", "--io", io));
        for (var clock = Stopwatch.StartNew(); !process.Errors.Contains("running", StringComparison.Ordinal); Thread.Sleep(20))
        {
            Assert.True(clock.Elapsed < Patience && !process.HasExited, process.Errors);
        }

        Change(change, input, backup);
        RunResult broken = process.Wait();

        // A file that is shortened under a mapping may kill the process; then the next run, which maps nothing of that part, says why.
        if (change != "shorten" || io != "map")
        {
            AssertNamed(broken, input);
            Assert.Contains("EXPO1207", broken.Errors, StringComparison.Ordinal);
        }

        Assert.NotEqual(0, broken.ExitCode);
        Assert.False(File.Exists(Path.Join(place.Output, "model.safetensors")));
        if (change is not ("rewrite" or "swap"))
        {
            AssertNamed(ExpoProcess.Run(place.Merge()), place.Aligned);
        }

        // With its time, to the nanosecond, and another inode: who restores a copy is no stranger.
        File.Delete(input);
        Run("cp", "-p", backup, input);
        RunResult finished = ExpoProcess.Run(place.Merge());
        Assert.True(finished.ExitCode == 0, finished.ToString());
        RunResult reference = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", place.PathOf("reference"));
        Assert.Equal(0, reference.ExitCode);
        Assert.Equal(Workplace.Digests(place.PathOf("reference")), Workplace.Digests(place.Output));
    }

    private static void AssertNamed(RunResult result, string path)
    {
        Assert.True(result.ExitCode == 3, result.ToString());
        Assert.Contains(path, result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
    }

    private static void Change(string change, string input, string backup)
    {
        switch (change)
        {
            case "shorten":
                using (FileStream stream = new(input, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                {
                    stream.SetLength(1_000_000);
                }

                break;
            case "replace":
                File.WriteAllText(input + ".new", "another model");
                File.Move(input + ".new", input, overwrite: true);
                break;
            case "swap":
                // With the length and the time of before.
                Run("cp", "-p", backup, input + ".new");
                File.Move(input + ".new", input, overwrite: true);
                break;
            case "move":
                File.Move(input, input + ".gone");
                break;
            default:
                // The last bytes, and then the time of before.
                using (FileStream stream = new(input, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                {
                    stream.Seek(-8, SeekOrigin.End);
                    stream.Write(new byte[8]);
                }

                Run("touch", "-r", backup, input);
                break;
        }
    }

    private static void Run(string command, params string[] arguments)
    {
        using Process process = Process.Start(command, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
