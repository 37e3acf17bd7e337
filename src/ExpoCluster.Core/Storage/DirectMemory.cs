using System.Runtime.InteropServices;

namespace ExpoCluster.Core.Storage;

/// <summary>Memory that direct reads and writes take: on a page boundary, and never moved.</summary>
internal static class DirectMemory
{
    public static Memory<byte> Allocate(int byteCount)
    {
        byte[] array = GC.AllocateUninitializedArray<byte>(byteCount + StagingFile.DirectAlignment, pinned: true);
        long address = Marshal.UnsafeAddrOfPinnedArrayElement(array, 0);
        int skip = (int)(-address & (StagingFile.DirectAlignment - 1));
        return array.AsMemory(skip, byteCount);
    }
}
