using System.Text;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>Every command that shows names from elsewhere, and names that drive terminals, forge lines and turn text round.</summary>
public sealed class HostileNameTests : IDisposable
{
    private readonly HostileNames place = new();

    public static TheoryData<string> Commands =>
    [
        "inspect {base}",
        "inspect {broken}",
        "inspect {nowhere}",
        "plan --base {base} --aligned {aligned} --alpha 0.3",
        "plan --base {base} --aligned {other} --alpha 0.3",
        "plan --base {base} --aligned {other} --alpha 0.3 --on-mismatch drop",
        "plan --base {base} --aligned {broken} --alpha 0.3",
        "plan --base {base} --aligned {aligned} --alpha {name}",
        "plan --base {base} --aligned {name} --alpha 0.3",
        "plan {recipe.yaml}",
        "merge --base {base} --aligned {other} --alpha 0.3 --out {out} --on-mismatch copy-aligned",
        "merge --base {base} --aligned {other} --alpha 0.3 --out {out}",
        "merge --base {base} --aligned {aligned} --alpha 0.3 --out {out-of-\n}",
        "diff {base} {aligned}",
        "diff {base} {other} --alpha 0.3",
        "verify {recorded}",
        "verify {aligned}",
        "report {recorded} --out {r-\n.html}",
        "report {aligned}",
        "recipes {name}",
        "sample {s-\u202e} --size 1MB",
        "{name}",
        "inspect --{name}",
        "jobs list --server {uri}",
        "jobs show x --server {uri}",
        "jobs cancel x --server {uri}",
        "jobs resume x --server {uri}",
        "jobs watch x --server {uri}",
        "jobs prune --server {uri}",
        "jobs list --server {name}",
        "plan --server {uri} --base a --aligned b --alpha 0.3",
        "merge --server {uri} --base a --aligned b --alpha 0.3 --out c",
        "health --url {uri}",
    ];

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Commands))]
    public void No_name_drives_the_terminal_or_forges_a_line(string command)
    {
        ShellRun run = ShellRun.Of(ArgumentsOf(command));

        Assert.True(run.ExitCode is >= 0 and <= 4, run.ToString());
        Assert.True(run.Output.Length + run.Errors.Length > 0, command);
        Assert.DoesNotContain("EXPO3000", run.ToString(), StringComparison.Ordinal);
        CheckText(run.OutputText);
        CheckText(run.ErrorText);
    }

    [Theory]
    [InlineData("inspect {base} --json")]
    [InlineData("diff {base} {aligned} --json --quiet")]
    [InlineData("plan --base {base} --aligned {other} --alpha 0.3 --json")]
    [InlineData("verify {recorded} --json")]
    [InlineData("jobs show x --server {uri} --json")]
    public void JSON_holds_names_exactly_and_shows_none_of_them(string command)
    {
        ShellRun run = ShellRun.Of(ArgumentsOf(command));

        CheckText(run.OutputText);
        Assert.Contains(TextsIn(JsonDocument.Parse(run.OutputText).RootElement), text => text.StartsWith(HostileNames.InFiles, StringComparison.Ordinal));
    }

    [Fact]
    public void What_looks_like_markup_is_a_name() =>
        Assert.Contains("[red]x\\u001b[31m\\u009b31m", ShellRun.Of("inspect", place.PathOf("base")).OutputText, StringComparison.Ordinal);

    [Fact]
    public void A_report_holds_no_name_that_a_browser_would_obey()
    {
        Assert.Equal(0, ShellRun.Of("report", place.PathOf("recorded"), "--out", place.PathOf("r.html")).ExitCode);
        string html = File.ReadAllText(place.PathOf("r.html"));

        CheckText(html);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.DoesNotContain("b<b>", html, StringComparison.Ordinal);
    }

    private static void CheckText(string text)
    {
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isHarmless = rune.Value == '\n' || Rune.GetUnicodeCategory(rune) is not (
                System.Globalization.UnicodeCategory.Control or System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator);
            Assert.True(isHarmless, $"U+{rune.Value:X4} in {text}");
        }

        Assert.DoesNotContain(text.Split('\n'), line => line.StartsWith(HostileNames.Forged, StringComparison.Ordinal));
    }

    private static IEnumerable<string> TextsIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().SelectMany(TextsIn),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => TextsIn(member.Value)),
        _ => [],
    };

    private string[] ArgumentsOf(string command) =>
    [
        .. command.Split(' ').Select(word => word switch
        {
            "{uri}" => place.Uri,
            "{name}" => HostileNames.InFiles,
            "--{name}" => "--" + HostileNames.InFiles,
            ['{', .., '}'] => place.PathOf(word[1..^1]),
            _ => word,
        }),
    ];
}
