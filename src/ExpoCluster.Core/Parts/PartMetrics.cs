using System.Diagnostics.Metrics;
using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Core.Parts;

/// <summary>What the lanes of this process do. Counted for each part or flush, never for a tile.</summary>
public static class PartMetrics
{
    public const string LaneQueue = "lane";
    public const string FlushQueue = "flush";
    public const string ReportQueue = "report";

    public const string Computed = "computed";
    public const string Abandoned = "abandoned";
    public const string Failed = "failed";

    public static readonly Tally Lanes = Tally.Level(EngineTelemetry.Meter, "expocluster.lanes", "{lane}", "Computing threads.");

    public static readonly Tally LanesBusy = Tally.Level(EngineTelemetry.Meter, "expocluster.lanes.busy", "{lane}", "Computing threads that have a part.");

    public static readonly Tally Queues = Tally.Level(
        EngineTelemetry.Meter, "expocluster.queue.depth", "{part}", "Parts that wait for a lane, for a flush, or for their report to be acknowledged.", "queue", LaneQueue, FlushQueue, ReportQueue);

    public static readonly Tally BytesRead = Tally.Count(EngineTelemetry.Meter, "expocluster.input.read", "By", "Input bytes of computed parts, each once however many files they went into.");

    public static readonly Tally BytesWritten = Tally.Count(EngineTelemetry.Meter, "expocluster.output.written", "By", "Output bytes of computed parts, durable.");

    public static readonly Tally Finished = Tally.Count(
        EngineTelemetry.Meter, "expocluster.parts.finished", "{part}", "Attempts at parts, by how they ended.", "outcome", Computed, Abandoned, Failed);

    private static readonly Histogram<double> Duration = EngineTelemetry.Meter.CreateHistogram(
        "expocluster.part.duration", "s", "From a lane's begin with a part to its bytes being durable.", tags: null, Buckets(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60));

    private static readonly Histogram<double> FlushDuration = EngineTelemetry.Meter.CreateHistogram(
        "expocluster.flush.duration", "s", "Making all parts durable that had gathered.", tags: null, Buckets(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10));

    /// <summary>Boundaries that a histogram asks for.</summary>
    public static InstrumentAdvice<double> Buckets(params double[] boundaries) => new() { HistogramBucketBoundaries = boundaries };

    internal static void CountFlush(TimeSpan duration) => FlushDuration.Record(duration.TotalSeconds);

    internal static void CountPart(FinishedPart part)
    {
        Finished.Add(Word(part.Outcome));
        if (part.Outcome is PartOutcome.Computed computed)
        {
            BytesRead.Add(computed.BytesRead);
            BytesWritten.Add(part.Order.OutputBytes);
            Duration.Record(part.Duration.TotalSeconds);
        }
    }

    internal static string Word(PartOutcome outcome) => outcome switch
    {
        PartOutcome.Computed => Computed,
        PartOutcome.Abandoned => Abandoned,
        _ => Failed,
    };
}
