using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>A weights file whose header is about to be read.</summary>
/// <param name="Path">Absolute, symbolic links resolved.</param>
/// <param name="ModifiedUnixNanoseconds">Taken before anything was read: a file that changes meanwhile differs from it later.</param>
/// <param name="Bytes">Its content.</param>
internal sealed record WeightsFile(string Path, long ModifiedUnixNanoseconds, ByteSource Bytes) : IDisposable
{
    /// <summary>Which file it is; null for one that is not on this machine.</summary>
    public FileIdentity? Identity { get; init; }

    public void Dispose() => Bytes.Dispose();
}
