using System.Globalization;

namespace ExpoCluster.Server.Reports;

/// <summary>Figures as people read them.</summary>
internal static class ReportText
{
    public const string None = "–";

    public static string Percent(double? share) => share is { } known
        ? string.Create(CultureInfo.InvariantCulture, $"{100 * known:0.0} %")
        : None;

    /// <summary>Two digits, as 0.013 or 1.2e-6.</summary>
    public static string Small(double? figure) => figure switch
    {
        null => None,
        0 => "0",
        < 1e-3 and > -1e-3 => figure.Value.ToString("0.0e-0", CultureInfo.InvariantCulture),
        _ => figure.Value.ToString("0.####", CultureInfo.InvariantCulture) is var text && text.Length > 6 ? figure.Value.ToString("G3", CultureInfo.InvariantCulture) : text,
    };

    public static string Alpha(double? alpha) => alpha?.ToString("0.00##", CultureInfo.InvariantCulture) ?? None;

    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>As 6.7 B parameters.</summary>
    public static string Elements(long count) => count switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e9:0.##} B"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:0.##} M"),
        _ => Count(count),
    };

    public static string Bound(double bound) => bound >= 0.01
        ? bound.ToString("0.###", CultureInfo.InvariantCulture)
        : bound.ToString("0.#e-0", CultureInfo.InvariantCulture);
}
