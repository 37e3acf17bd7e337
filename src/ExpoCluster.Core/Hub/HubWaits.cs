using System.Globalization;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Hub;

/// <summary>How long to wait before the same question is asked again.</summary>
internal static partial class HubWaits
{
    /// <summary>After which a question is given up.</summary>
    public const int MaxRetries = 5;

    /// <summary>The Hub's windows are of five minutes; whoever asks for much more does not mean us.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private static readonly int[] Seconds = [1, 2, 4, 8, 8];

    /// <summary>Of the network's faults, which say nothing about when they end.</summary>
    public static TimeSpan Of(int retry) => TimeSpan.FromSeconds(Seconds[Math.Min(retry, Seconds.Length - 1)]);

    /// <summary>A rate limit names the second at which its window ends; a server may name a delay.</summary>
    public static TimeSpan Of(int retry, HttpResponseMessage response) =>
        (int)response.StatusCode == 429 && WindowEnd(HubHeaders.Text(response, "RateLimit")) is { } window ? Beyond(window)
        : Whole(HubHeaders.Text(response, "Retry-After")) is { } delay ? Beyond(delay)
        : Of(retry);

    // A second more, for the other side counts in whole ones.
    private static TimeSpan Beyond(int seconds) => TimeSpan.FromSeconds(seconds + 1.0);

    // Where requests remain, this limit is not the one that was met.
    private static int? WindowEnd(string? header) =>
        header is not null && Remaining().Match(header) is { Success: true } match && match.Groups["left"].Value == "0"
            ? Whole(match.Groups["seconds"].Value)
            : null;

    private static int? Whole(string? text) =>
        int.TryParse(text?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    [GeneratedRegex(@";\s*r=(?<left>\d+)\s*;\s*t=(?<seconds>\d+)")]
    private static partial Regex Remaining();
}
