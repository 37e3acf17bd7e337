using ExpoCluster.Core.Parts;

namespace ExpoCluster.Cli.Commands;

/// <summary>What <see cref="LaneOptions"/> were given.</summary>
/// <param name="Lanes">Computing threads.</param>
/// <param name="MaxBytesPerSecond">Output bytes per second; null for no limit.</param>
/// <param name="Reads">How inputs are read.</param>
internal sealed record LaneChoices(int Lanes, long? MaxBytesPerSecond, ReadMode Reads);
