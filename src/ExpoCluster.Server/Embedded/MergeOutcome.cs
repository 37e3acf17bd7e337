using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Server.Embedded;

/// <summary>How a run of an embedded merge ended.</summary>
/// <param name="Job">The job's id.</param>
/// <param name="Status"><c>done</c>, <c>failed</c>, <c>suspended</c>, <c>interrupted</c> or <c>cancelled</c>.</param>
/// <param name="Total">Parts of the plan.</param>
/// <param name="Computed">Parts committed by this run.</param>
/// <param name="Reused">Parts committed by earlier runs.</param>
/// <param name="BytesRead">Input bytes read by this run.</param>
/// <param name="BytesWritten">Output bytes committed by this run.</param>
/// <param name="Reason">Why it is not done.</param>
public sealed record MergeOutcome(
    string? Job, string Status, int Total, int Computed, int Reused, long BytesRead, long BytesWritten, JobReason? Reason)
{
    public const string Done = "done";
    public const string Interrupted = "interrupted";

    /// <summary>Stopped before any part was begun.</summary>
    public static MergeOutcome InterruptedEarly(int total) => new(null, Interrupted, total, 0, 0, 0, 0, Reason: null);

    internal static MergeOutcome AlreadyDone(int total) => new(null, Done, total, 0, total, 0, 0, Reason: null);
}
