using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>One weights file of a checkpoint.</summary>
/// <param name="Name">The file name, as the index spells it.</param>
/// <param name="Path">Absolute, symbolic links resolved; <c>hf:org/name@commit/file</c> for a file of the Hub that is not cached.</param>
/// <param name="ByteLength">The length of the whole file.</param>
/// <param name="ModifiedUnixNanoseconds">The file's modification time, counted from 1970 in UTC.</param>
/// <param name="Header">What the file says of itself; its tensors are those of the checkpoint.</param>
public sealed record CheckpointShard(
    string Name, string Path, long ByteLength, long ModifiedUnixNanoseconds, WeightsHeader Header)
{
    /// <summary>Which file was opened, as far as no plan tells it; null for one that is not on this machine.</summary>
    public FileIdentity? Identity { get; init; }

    /// <summary>Tensors in the file.</summary>
    public int TensorCount { get; } = Header.Tensors.Length;

    /// <summary>The file is not on this machine.</summary>
    public bool IsRemote => HubReference.Matches(Path);
}
