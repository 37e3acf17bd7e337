using System.Diagnostics;

namespace ExpoCluster.EndToEnd;

/// <summary>Lines that are typed into real shells, with the tabulator key: whether the right command then runs shows in what it wrote.</summary>
public sealed class CompletionTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string place = Directory.CreateTempSubdirectory("expocluster-shell-").FullName;

    public void Dispose() => Directory.Delete(place, recursive: true);

    [FactNeeding("script", "bash")]
    public void Bash_completes_commands_options_and_values()
    {
        Type("bash --norc --noprofile -i", "source <(expocluster completion bash)");

        Assert.Contains("\"zephyr-7b-beta\"", File.ReadAllText(Path.Join(place, "recipe")), StringComparison.Ordinal);
        Assert.Contains("Usage:", File.ReadAllText(Path.Join(place, "help")), StringComparison.Ordinal);
        Assert.Contains("jobs prune", File.ReadAllText(Path.Join(place, "help")), StringComparison.Ordinal);
        Assert.Contains("EXPO1103", File.ReadAllText(Path.Join(place, "path")), StringComparison.Ordinal);
    }

    [FactNeeding("script", "zsh")]
    public void Zsh_completes_commands_options_and_values()
    {
        Type("zsh -f -i", "autoload -U compinit; compinit -u -D; source <(expocluster completion zsh)");

        Assert.Contains("\"zephyr-7b-beta\"", File.ReadAllText(Path.Join(place, "recipe")), StringComparison.Ordinal);
        Assert.Contains("jobs prune", File.ReadAllText(Path.Join(place, "help")), StringComparison.Ordinal);
        Assert.Contains("EXPO1103", File.ReadAllText(Path.Join(place, "path")), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_shell_has_a_script_that_says_where_it_goes()
    {
        foreach (string shell in new[] { "bash", "zsh", "fish", "pwsh" })
        {
            RunResult script = ExpoProcess.Run("completion", shell);

            Assert.Equal(0, script.ExitCode);
            Assert.Contains($"expocluster completion {shell}", script.Output, StringComparison.Ordinal);
            Assert.Contains("[suggest:", script.Output, StringComparison.Ordinal);
        }
    }

    private void Type(string shell, string setUp)
    {
        Directory.CreateDirectory(Path.Join(place, "some-directory"));
        string[] lines =
        [
            setUp,
            "cd " + place,
            "expocluster recip\tzephyr-7b-b\t--js\t>recipe",
            "expocluster jobs pru\t--he\t>help",
            // No word of the program's: then it is a file.
            "expocluster inspect some-d\t 2>path",
            "exit",
        ];
        var start = new ProcessStartInfo("script", ["-q", "-e", "-c", shell, "/dev/null"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment["PATH"] = Path.GetDirectoryName(ExpoProcess.ProgramPath) + ":" + Environment.GetEnvironmentVariable("PATH");
        start.Environment["TERM"] = "dumb";
        using Process terminal = Process.Start(start)!;
        Task<string> screen = terminal.StandardOutput.ReadToEndAsync();
        foreach (string line in lines)
        {
            terminal.StandardInput.Write(line + "\n");
        }

        terminal.StandardInput.Flush();
        Assert.True(terminal.WaitForExit(Patience), "the shell did not end");
        Assert.True(File.Exists(Path.Join(place, "path")), screen.Result);
    }
}
