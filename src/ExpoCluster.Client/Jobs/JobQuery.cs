using System.Globalization;

namespace ExpoCluster.Client.Jobs;

/// <summary>Which jobs to list.</summary>
public sealed record JobQuery
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 500;

    /// <summary>Only jobs in one of these states; empty for all.</summary>
    public IReadOnlyList<string> States { get; init; } = [];

    /// <summary>At most so many, 1 to 500.</summary>
    public int Limit { get; init; } = DefaultLimit;

    /// <summary>What the page before gave as <see cref="JobPage.Next"/>.</summary>
    public string? Cursor { get; init; }

    internal string ToUrl()
    {
        IEnumerable<string> parameters = States.Select(state => "state=" + Uri.EscapeDataString(state))
            .Append(string.Create(CultureInfo.InvariantCulture, $"limit={Limit}"));
        if (Cursor is not null)
        {
            parameters = parameters.Append("cursor=" + Uri.EscapeDataString(Cursor));
        }

        return "api/jobs?" + string.Join('&', parameters);
    }
}

/// <summary>A job, and whether this very request brought it about.</summary>
/// <param name="Job">As it is now.</param>
/// <param name="IsNew">False when it had been submitted before.</param>
public sealed record SubmittedJob(Job Job, bool IsNew);
