using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace ExpoCluster.Core.Telemetry;

/// <summary>Where the engine's instruments and spans come from. Nothing here knows who listens, or whether anybody does.</summary>
public static class EngineTelemetry
{
    /// <summary>Of the meters and of the source of spans.</summary>
    public const string Name = "ExpoCluster";

    public static readonly Meter Meter = new(Name);

    public static readonly ActivitySource Spans = new(Name);
}
