namespace ExpoCluster.Client.Jobs;

/// <summary>The states of a job.</summary>
public static class JobStates
{
    public const string Queued = "queued";
    public const string Planning = "planning";
    public const string Transferring = "transferring";
    public const string Running = "running";
    public const string Suspended = "suspended";
    public const string Publishing = "publishing";
    public const string Done = "done";
    public const string Failed = "failed";
    public const string Cancelled = "cancelled";

    public static IReadOnlyList<string> All { get; } =
        [Queued, Planning, Transferring, Running, Suspended, Publishing, Done, Failed, Cancelled];

    /// <summary>Those in which nothing more happens by itself.</summary>
    public static IReadOnlyList<string> Ended { get; } = [Done, Failed, Cancelled];

    /// <summary>Nothing more happens by itself; a failed job can still be resumed.</summary>
    public static bool HasEnded(string state) => state is Done or Failed or Cancelled;
}
