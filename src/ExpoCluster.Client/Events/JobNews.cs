using ExpoCluster.Client.Jobs;

namespace ExpoCluster.Client.Events;

/// <summary>Something that a job's event stream says.</summary>
public abstract record JobNews
{
    private JobNews()
    {
    }

    /// <summary>The job came into a state. None of these is ever lost: a stream goes on behind the last one that was seen.</summary>
    public sealed record StateChanged(JobStateChange Change) : JobNews;

    /// <summary>The job as it is now. Only the newest counts.</summary>
    public sealed record Progressed(Job Job) : JobNews;
}

/// <summary>A state that a job came into.</summary>
/// <param name="Sequence">Of the journal's event; the event's id in the stream.</param>
/// <param name="State">One of <see cref="JobStates"/>.</param>
/// <param name="Reason">Why it is suspended or has failed.</param>
/// <param name="At">When.</param>
public sealed record JobStateChange(long Sequence, string State, JobReason? Reason, DateTimeOffset At);

/// <summary>Names of the stream's events.</summary>
public static class JobNewsNames
{
    public const string State = "state";
    public const string Progress = "progress";
}
