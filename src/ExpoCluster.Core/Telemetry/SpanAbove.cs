using System.Diagnostics;

namespace ExpoCluster.Core.Telemetry;

/// <summary>What a span of a worker needs to know before it begins.</summary>
/// <param name="Context">The span above it.</param>
/// <param name="Node">Who does it.</param>
public sealed record SpanAbove(ActivityContext Context, string Node);
