using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>The bytes of one tile: filled by a lane, then written by its <see cref="TileWriter"/>, and so on.</summary>
internal sealed class TileBuffer
{
    private readonly Memory<byte> bytes = DirectMemory.Allocate(PartExecutor.TileBytes);

    public Span<byte> Bytes => bytes.Span;

    /// <summary>It is being written, or waits to be; guarded by the writer.</summary>
    public bool IsBusy { get; set; }
}
