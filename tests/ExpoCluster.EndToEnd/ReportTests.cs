using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace ExpoCluster.EndToEnd;

public sealed partial class ReportTests
{
    [Fact]
    public void Directories_of_two_alphas_are_compared_by_what_their_records_say()
    {
        using var place = new Workplace("4MB");
        Merge(place, "0.1", "small");
        Merge(place, "0.5", "large");
        string report = place.PathOf("both.html");

        RunResult written = ExpoProcess.Run("report", place.PathOf("small"), place.PathOf("large"), "--out", report);

        Assert.True(written.ExitCode == 0, written.ToString());
        string html = WebUtility.HtmlDecode(File.ReadAllText(report));
        Assert.Contains("Models side by side", html, StringComparison.Ordinal);
        AssertCompared(place, html, "small", "small · α 0.10");
        AssertCompared(place, html, "large", "large · α 0.50");
    }

    [Fact]
    public void A_sweep_is_compared_with_another_merge_and_the_report_lies_in_the_first_directory()
    {
        using var place = new Workplace("4MB");
        Merge(place, "0.1,0.3", "sweep");
        Merge(place, "0.5", "other");

        RunResult written = ExpoProcess.Run("report", place.PathOf("sweep"), place.PathOf("other"));

        Assert.True(written.ExitCode == 0, written.ToString());
        Assert.Equal(place.PathOf("sweep/report.html"), written.Output.Trim());
        string html = WebUtility.HtmlDecode(File.ReadAllText(place.PathOf("sweep/report.html")));
        AssertCompared(place, html, "sweep/alpha-0.1", "sweep · α 0.10");
        AssertCompared(place, html, "sweep/alpha-0.3", "sweep · α 0.30");
        AssertCompared(place, html, "other", "other · α 0.50");
    }

    [Fact]
    public void A_directory_without_a_record_is_named_and_nothing_is_written()
    {
        using var place = new Workplace("4MB");
        Merge(place, "0.1", "small");

        RunResult refused = ExpoProcess.Run("report", place.PathOf("small"), place.Base);

        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("EXPO1302", refused.Errors, StringComparison.Ordinal);
        Assert.Contains(place.Base, refused.Errors, StringComparison.Ordinal);
        Assert.False(File.Exists(place.PathOf("small/report.html")));
    }

    private static void Merge(Workplace place, string alpha, string output)
    {
        RunResult merged = ExpoProcess.Run("merge", "--base", place.Base, "--aligned", place.Aligned, "--alpha", alpha, "--out", place.PathOf(output));
        Assert.True(merged.ExitCode == 0, merged.ToString());
    }

    private static void AssertCompared(Workplace place, string html, string output, string name)
    {
        using JsonDocument record = JsonDocument.Parse(File.ReadAllText(place.PathOf(output + "/expocluster.json")));
        JsonElement statistics = record.RootElement.GetProperty("statistics");
        double asked = statistics.GetProperty("askedAlpha").GetDouble();
        double reached = statistics.GetProperty("total").GetProperty("effectiveAlpha").GetDouble();
        string[] row = Rows().Matches(html).Select(match => Cells().Matches(match.Value).Select(cell => cell.Groups[1].Value.Trim()).ToArray())
            .First(cells => cells.Length == 8 && cells[0] == name);
        Assert.Equal(
            [asked.ToString("0.00##", CultureInfo.InvariantCulture), reached.ToString("0.00##", CultureInfo.InvariantCulture), Percent(reached / asked)],
            row[1..4]);
    }

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.0} %");

    [GeneratedRegex("<tr>.*?</tr>", RegexOptions.Singleline)]
    private static partial Regex Rows();

    [GeneratedRegex("<t[hd][^>]*>(.*?)</t[hd]>", RegexOptions.Singleline)]
    private static partial Regex Cells();
}
