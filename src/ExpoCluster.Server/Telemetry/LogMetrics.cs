using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Server.Telemetry;

/// <summary>How much this process complains.</summary>
internal static class LogMetrics
{
    public const string Warning = "warning";
    public const string Error = "error";

    public static readonly Tally Lines = Tally.Count(
        EngineTelemetry.Meter, "expocluster.log.lines", "{line}", "Warnings and errors of the log, those among them that were held back as repetitions.", "level", Warning, Error);
}
