using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>The jobs whose coordinators live in this process, and what they ask of the database.</summary>
public static class JobMetrics
{
    public const string JournalWrite = "journal-write";
    public const string JournalRead = "journal-read";
    public const string RegisterWrite = "register-write";
    public const string OutputClaim = "output-claim";
    public const string Membership = "membership";

    public static readonly Tally Jobs = Tally.Level(
        EngineTelemetry.Meter,
        "expocluster.jobs",
        "{job}",
        "Jobs whose coordinator lives on this node, by state.",
        "state",
        "queued", "planning", "transferring", "running", "suspended", "publishing", "done", "failed", "cancelled");

    public static readonly Tally LanesWanted = Tally.Level(
        EngineTelemetry.Meter, "expocluster.lanes.wanted", "{lane}", "Lanes that jobs of this node's coordinators could keep busy now, whether workers are there or not.");

    public static readonly Tally JobsEnded = Tally.Count(
        EngineTelemetry.Meter, "expocluster.jobs.ended", "{job}", "Jobs that ended on this node, by how.", "state", "done", "failed", "cancelled");

    public static readonly Tally JournalEvents = Tally.Count(EngineTelemetry.Meter, "expocluster.journal.events", "{event}", "Events that were journalled.");

    public static readonly Tally DatabaseFailures = Tally.Count(
        EngineTelemetry.Meter,
        "expocluster.database.failures",
        "{failure}",
        "What the database did not do when it was asked to; it is asked again.",
        "operation",
        JournalWrite, JournalRead, RegisterWrite, OutputClaim, Membership);

    public static readonly Tally TransfersActive = Tally.Level(EngineTelemetry.Meter, "expocluster.transfers.active", "{transfer}", "Files of the Hub that this node is fetching.");

    public static readonly Tally TransfersFinished = Tally.Count(
        EngineTelemetry.Meter, "expocluster.transfers.finished", "{transfer}", "Attempts to fetch a file of the Hub, by how they ended.", "outcome", "done", "abandoned", "failed");

    public static readonly Tally TransferBytes = Tally.Count(
        EngineTelemetry.Meter, "expocluster.transfer.received", "By", "Bytes of files of the Hub that got into the cache while this node fetched them.");

    private static readonly Histogram<double> JournalDuration = EngineTelemetry.Meter.CreateHistogram(
        "expocluster.journal.write.duration", "s", "From giving a group of events to the journal to its being written.", tags: null, PartMetrics.Buckets(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5));

    // By job: when it moved last.
    private static readonly ConcurrentDictionary<string, long> Running = new(StringComparer.Ordinal);

    // Kept, for an instrument that nobody refers to is none.
    private static readonly ObservableGauge<double> Silence = EngineTelemetry.Meter.CreateObservableGauge(
        "expocluster.job.silence", LongestSilence, "s", "Time without a committed part, of that running job of this node that has waited longest; 0 when none runs.");

    /// <summary>The name of the gauge of silence, also for whoever wants all instruments to exist.</summary>
    public static string SilenceName => Silence.Name;

    internal static void CountWrite(int events, TimeSpan duration)
    {
        JournalEvents.Add(events);
        JournalDuration.Record(duration.TotalSeconds);
    }

    /// <summary>A running job got on.</summary>
    internal static void Move(string job) => Running[job] = TimeProvider.System.GetTimestamp();

    /// <summary>A job runs; it is not said that it got on.</summary>
    internal static void Run(string job) => Running.TryAdd(job, TimeProvider.System.GetTimestamp());

    internal static void Rest(string job) => Running.TryRemove(job, out _);

    private static double LongestSilence() => Running.Values.Select(at => TimeProvider.System.GetElapsedTime(at).TotalSeconds).DefaultIfEmpty(0).Max();
}
