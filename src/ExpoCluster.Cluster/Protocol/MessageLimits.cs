namespace ExpoCluster.Cluster.Protocol;

/// <summary>How large messages may be. What exceeds remoting's frame is dropped there with a line in the log, so nothing may.</summary>
public static class MessageLimits
{
    /// <summary>The largest message that reaches another node; Akka's own limit is 128 kB.</summary>
    public const int FrameBytes = 8_000_000;

    /// <summary>A submission names every output file, and so does each report of progress, with a few figures more.</summary>
    public const int SubmissionBytes = 2_000_000;

    /// <summary>A writer closes a report of several parts beyond this; statistics of one alone are less than half a megabyte.</summary>
    public const int ReportBytes = 1_000_000;
}
