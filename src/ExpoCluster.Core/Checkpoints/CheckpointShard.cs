using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>One weights file of a checkpoint.</summary>
/// <param name="Name">The file name, as the index spells it.</param>
/// <param name="Path">Absolute, symbolic links resolved.</param>
/// <param name="ByteLength">The length of the whole file.</param>
/// <param name="ModifiedUnixNanoseconds">The file's modification time, counted from 1970 in UTC.</param>
/// <param name="Header">The file's checked header.</param>
public sealed record CheckpointShard(
    string Name, string Path, long ByteLength, long ModifiedUnixNanoseconds, SafetensorsHeader Header);
