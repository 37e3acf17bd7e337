using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>Standard streams that are closed, full or abandoned: nothing crashes, a merge is done, and a lost answer is no success.</summary>
public sealed class StreamTests : IDisposable
{
    private readonly Workplace place = new("4MB");

    public static TheoryData<string> Broken =>
    [
        ">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full", "<&- >/dev/full 2>&-",
    ];

    private string[] Pair => ["--base", place.Base, "--aligned", place.Aligned, "--alpha", "0.3"];

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_merge_is_done_and_no_word_of_it_gets_into_a_model_s_file(string streams)
    {
        ShellRun merge = ShellRun.With(streams, ["merge", .. Pair, "--out", place.Output]);

        Assert.True(merge.ExitCode == 0, merge.ToString());
        Assert.Equal(0, ExpoProcess.Run("verify", place.Output).ExitCode);
        Assert.Equal(
            ["README.md", "config.json", "expocluster.json", "generation_config.json", "model.safetensors", "tokenizer_config.json"],
            Directory.EnumerateFileSystemEntries(place.Output).Select(path => Path.GetFileName(path)!).Where(name => name.Length > 0).Order(StringComparer.Ordinal));
        Assert.DoesNotContain("EXPO3000", merge.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(">/dev/full", "EXPO4001")]
    [InlineData(">&-", "EXPO4002")]
    public void An_answer_that_is_lost_is_an_error_of_storage(string streams, string code)
    {
        foreach (string[] command in Answers())
        {
            ShellRun run = ShellRun.With(streams, command);

            Assert.True(run.ExitCode == 4, $"{string.Join(' ', command)}: {run}");
            Assert.StartsWith($"error {code}: standard output: the answer is lost", run.ErrorText, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(">/dev/full 2>/dev/full")]
    [InlineData("<&- >&- 2>&-")]
    public void It_is_one_too_where_nobody_can_be_told(string streams)
    {
        foreach (string[] command in Answers())
        {
            Assert.True(ShellRun.With(streams, command).ExitCode == 4, string.Join(' ', command));
        }
    }

    [Fact]
    public void A_reader_that_has_gone_is_not_told_so()
    {
        string pipe = place.PathOf("pipe");
        ShellRun run = ShellRun.Script($"mkfifo '{pipe}' && exec 3<>'{pipe}' 4>'{pipe}' 3>&- && \"$0\" \"$@\" >&4", "recipes");

        Assert.Equal((4, 0), (run.ExitCode, run.Errors.Length));
    }

    [Fact]
    public void Errors_that_nobody_hears_keep_their_exit_code()
    {
        foreach (string streams in new[] { "2>&-", "2>/dev/full", ">&- 2>&-" })
        {
            Assert.Equal(3, ShellRun.With(streams, "inspect", place.PathOf("nowhere")).ExitCode);
            Assert.Equal(2, ShellRun.With(streams, "plan", "--no-such-option").ExitCode);
        }
    }

    [Fact]
    public void With_standard_error_closed_the_answer_is_whole()
    {
        ShellRun run = ShellRun.With("2>&- <&-", ["plan", .. Pair, "--json"]);

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("ok", JsonDocument.Parse(run.OutputText).RootElement.GetProperty("status").GetString());
    }

    [FactNeeding("script")]
    public void A_terminal_without_columns_or_without_abilities_is_drawn_on_all_the_same()
    {
        foreach (string terminal in new[] { "stty cols 0 rows 0; TERM=xterm", "TERM=dumb", "unset TERM; true &&" })
        {
            string output = place.PathOf("out-" + terminal.Length);
            ShellRun run = ShellRun.Script(
                $"script -qec \"{terminal} $0 $*\" /dev/null </dev/null", ["merge", .. Pair, "--out", output]);

            Assert.True(run.ExitCode == 0, run.ToString());
            Assert.Equal(0, ExpoProcess.Run("verify", output).ExitCode);
        }
    }

    private IEnumerable<string[]> Answers() =>
    [
        ["plan", .. Pair, "--json"], ["plan", .. Pair], ["inspect", place.Base], ["inspect", place.Base, "--json"],
        ["diff", place.Base, place.Aligned, "--quiet"], ["recipes"], ["recipes", "zephyr-7b-beta"], ["completion", "bash"], ["--help"], ["--version"],
    ];
}
