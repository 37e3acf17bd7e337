using System.Globalization;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Server.Reports;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Dashboard.Parts;

/// <summary>How figures, times and states are written on the pages.</summary>
internal static class Text
{
    public const string None = ReportText.None;

    public static string Rate(double? bytesPerSecond) => bytesPerSecond is { } rate ? ByteSize.Format((long)rate) + "/s" : None;

    public static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(share * 1000) / 10:0.#} %");

    public static string Count(long count) => ReportText.Count(count);

    public static string Duration(TimeSpan time) => time switch
    {
        { TotalSeconds: < 10 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s"),
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(time.TotalMinutes)} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.#} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalDays:0.#} days"),
    };

    public static string Left(double? seconds) => seconds is { } known ? Duration(TimeSpan.FromSeconds(Math.Ceiling(Math.Max(1, known)))) : None;

    public static string Ago(DateTimeOffset at) => DateTimeOffset.UtcNow - at is { TotalSeconds: >= 2 } age ? Duration(age.TotalMinutes < 2 ? TimeSpan.FromSeconds(Math.Max(10, Math.Floor(age.TotalSeconds))) : age) + " ago" : "just now";

    /// <summary>In UTC, for servers and browsers may be anywhere.</summary>
    public static string Moment(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC";

    /// <summary>A name that somebody else chose: one line, shortened, without what would turn its neighbours round.</summary>
    public static string Name(string? name) => Printable.Of(name);

    /// <summary>A sentence with such names in it.</summary>
    public static string Line(string? sentence) => Printable.Line(Printable.Shortened(sentence ?? "", Printable.LongestLine));

    /// <summary>The last part of a path, or the name of a model.</summary>
    public static string Short(string path) => path.TrimEnd('/').Split('/')[^1];

    public static string Alpha(Job job) => job.Alphas is { } alphas
        ? string.Join(", ", alphas.Select(alpha => alpha.ToString(CultureInfo.InvariantCulture)))
        : "by tensor";

    public static string NameOf(Job job) => Name(job.Name ?? (job.Output.Count > 0 ? Short(job.Output.Count > 1 ? Path.GetDirectoryName(job.Output[0])! : job.Output[0]) : job.Id));

    /// <summary>good, busy, wait, bad or nothing, as the style sheet knows them.</summary>
    public static string MarkOf(string state) => state switch
    {
        JobStates.Done or "up" => "good",
        JobStates.Running or JobStates.Publishing or JobStates.Transferring => "busy",
        JobStates.Suspended or JobStates.Queued or JobStates.Planning or "joining" or "weaklyup" or "leaving" or "exiting" => "wait",
        JobStates.Failed or "unreachable" or "lost" or "down" => "bad",
        _ => "",
    };
}
