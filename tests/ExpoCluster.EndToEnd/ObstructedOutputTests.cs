using System.Diagnostics;

namespace ExpoCluster.EndToEnd;

/// <summary>Output directories in which files could not get their final names.</summary>
public sealed class ObstructedOutputTests : IDisposable
{
    private readonly Workplace place = new("5MB");

    public ObstructedOutputTests() => Directory.CreateDirectory(place.Output);

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("mkdir \"$OUT/config.json\"", "EXPO2099", 2)]
    [InlineData("ln -s /etc \"$OUT/additional_chat_templates\"; mkdir \"$OUT/../aligned/additional_chat_templates\"; touch \"$OUT/../aligned/additional_chat_templates/a.jinja\"", "EXPO2099", 2)]
    public void What_no_file_can_replace_is_told_by_plan_and_by_merge_before_any_work(string obstacle, string code, int exit)
    {
        Shell(obstacle);
        string[] before = Entries();

        foreach (string command in new[] { "plan", "merge" })
        {
            RunResult refused = ExpoProcess.Run([command, .. place.Merge("--overwrite")[1..]]);
            Assert.True(refused.ExitCode == exit, refused.ToString());
            Assert.Contains(code, refused.Errors, StringComparison.Ordinal);
        }

        Assert.Equal(before, Entries());
    }

    [FactNeeding(Needs.Root, "chattr")]
    public void A_workspace_that_cannot_be_removed_is_told_and_the_merge_is_done()
    {
        try
        {
            using ExpoProcess process = ExpoProcess.Start(place.Merge("--quiet", "--max-rate", "1MB", "--lanes", "1"));
            for (var clock = Stopwatch.StartNew(); !Directory.EnumerateFiles(place.Output, "model.safetensors", SearchOption.AllDirectories).Any(); Thread.Sleep(20))
            {
                Assert.True(clock.Elapsed < TimeSpan.FromMinutes(1) && !process.HasExited, process.Errors);
            }

            // Names may come, and not go.
            Shell("chattr +a \"$OUT\"");
            RunResult done = process.Wait();

            Assert.True(done.ExitCode == 0, done.ToString());
            Assert.Contains("note: the output is complete, but what was needed to make it could not be removed", done.Errors, StringComparison.Ordinal);
            Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
        }
        finally
        {
            Shell("chattr -R -ia \"$OUT\"");
        }
    }

    [FactNeeding(Needs.Root, "setpriv")]
    public void In_a_directory_of_everybody_the_files_of_another_user_are_not_taken_away()
    {
        Shell("chmod -R a+rX \"$OUT/..\"; echo '{}' > \"$OUT/config.json\"; chown 1234 \"$OUT\" \"$OUT/config.json\"; chmod 1777 \"$OUT\"");

        ShellRun refused = AsAnother("plan");

        Assert.True(refused.ExitCode == 4, refused.ToString());
        Assert.Contains("EXPO4012", refused.ErrorText, StringComparison.Ordinal);
        Assert.Contains("belongs to another user (1234)", refused.ErrorText, StringComparison.Ordinal);
    }

    [FactNeeding(Needs.Root, "setpriv")]
    public void A_directory_that_this_user_may_not_write_is_told_by_plan()
    {
        Shell("chmod -R a+rX \"$OUT/..\"");

        ShellRun refused = AsAnother("plan");

        Assert.True(refused.ExitCode == 4, refused.ToString());
        Assert.Contains("EXPO4002", refused.ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void A_path_that_the_journal_cannot_have_is_told_by_plan()
    {
        string deep = Path.Join(place.Output, new string('d', 200), new string('d', 200), new string('d', 200));

        RunResult refused = ExpoProcess.Run("plan", "--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3", "--out", deep);

        Assert.True(refused.ExitCode == 4, refused.ToString());
        Assert.Contains("EXPO4008", refused.Errors, StringComparison.Ordinal);
        Assert.Empty(Entries());
    }

    private string[] Entries() => [.. Directory.EnumerateFileSystemEntries(place.Output).Order(StringComparer.Ordinal)];

    private ShellRun AsAnother(string command) => ShellRun.Script(
        "export HOME=/nonexistent; exec setpriv --reuid 4321 --regid 4321 --clear-groups \"$0\" \"$@\"", [command, .. place.Merge("--overwrite")[1..]]);

    private void Shell(string script)
    {
        ShellRun made = ShellRun.Script($"OUT=\"$1\"; {script}", place.Output);
        Assert.True(made.ExitCode == 0, made.ToString());
    }
}
