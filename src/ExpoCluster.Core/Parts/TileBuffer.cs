using System.Runtime.InteropServices;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Parts;

/// <summary>The bytes of one tile: filled by a lane, then written by its <see cref="TileWriter"/>, and so on.</summary>
internal sealed class TileBuffer
{
    private readonly Memory<byte> bytes = Allocate();

    public Span<byte> Bytes => bytes.Span;

    /// <summary>It is being written, or waits to be; guarded by the writer.</summary>
    public bool IsBusy { get; set; }

    // Direct writes want their memory on a page boundary.
    private static Memory<byte> Allocate()
    {
        byte[] array = GC.AllocateUninitializedArray<byte>(PartExecutor.TileBytes + StagingFile.DirectAlignment, pinned: true);
        long address = Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        int skip = (int)(-address & (StagingFile.DirectAlignment - 1));
        return array.AsMemory(skip, PartExecutor.TileBytes);
    }
}
