using System.Globalization;

namespace ExpoCluster.Client.Jobs;

/// <summary>Which ended jobs to forget.</summary>
public sealed record PruneQuery
{
    /// <summary>Those that came into their state so long ago.</summary>
    public required TimeSpan OlderThan { get; init; }

    /// <summary>Of <see cref="JobStates.Ended"/>; empty for all of them.</summary>
    public IReadOnlyList<string> States { get; init; } = [];

    /// <summary>Only say which.</summary>
    public bool DryRun { get; init; }

    internal string ToUrl()
    {
        IEnumerable<string> parameters = States.Select(state => "state=" + Uri.EscapeDataString(state))
            .Append(string.Create(CultureInfo.InvariantCulture, $"olderThan={(long)OlderThan.TotalSeconds}s"));
        return "api/jobs/prune?" + string.Join('&', DryRun ? parameters.Append("dryRun=true") : parameters);
    }
}

/// <summary>Jobs that were forgotten.</summary>
/// <param name="Jobs">Their ids; those that would be in a dry run.</param>
/// <param name="Kept">Jobs that were old enough and are still known: their staging could not be removed yet, or they failed while they were published.</param>
/// <param name="More">There are more, for one request forgets a limited number.</param>
public sealed record PrunedJobs(IReadOnlyList<string> Jobs, IReadOnlyList<string> Kept, bool More);
