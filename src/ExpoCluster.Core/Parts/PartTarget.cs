namespace ExpoCluster.Core.Parts;

/// <summary>One file that an attempt writes its part into: one, or in a sweep one for each alpha.</summary>
/// <param name="File">Index of the file in the plan.</param>
/// <param name="Generation">Of its staging file.</param>
/// <param name="StagingPath">Where that is; it exists.</param>
public sealed record PartTarget(int File, int Generation, string StagingPath);

/// <summary>What was written into one target.</summary>
/// <param name="Target">The file.</param>
/// <param name="BlockDigests">16 bytes for each block, in order.</param>
/// <param name="Statistics">As <see cref="PartStatistics"/> encodes them.</param>
public sealed record PartResult(PartTarget Target, ReadOnlyMemory<byte> BlockDigests, ReadOnlyMemory<byte> Statistics);
