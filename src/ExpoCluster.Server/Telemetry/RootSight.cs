namespace ExpoCluster.Server.Telemetry;

/// <summary>A storage root as it was seen last.</summary>
/// <param name="Root">Its path.</param>
/// <param name="FreeBytes">What this user may still write there.</param>
/// <param name="SizeBytes">Of the file system.</param>
/// <param name="Problem">Why it cannot be used; null when it can.</param>
internal sealed record RootSight(string Root, long FreeBytes, long SizeBytes, string? Problem);
