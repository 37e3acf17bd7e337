namespace ExpoCluster.Tensors.Torch;

/// <summary>How PyTorch's writer places an entry's content, so that tensors can be mapped.</summary>
internal static class TorchPadding
{
    /// <summary>Id and length of an extra field.</summary>
    public const int ExtraHeaderBytes = 4;

    /// <summary>Bytes of all extra fields in front of the content: the sizes of 64 bits where needed, then padding.</summary>
    /// <param name="headerOffset">Of the entry's header.</param>
    /// <param name="headerBytes">Of the header and the name.</param>
    /// <param name="byteCount">Of the content.</param>
    public static int ExtraBytes(long headerOffset, int headerBytes, long byteCount)
    {
        int withoutPadding = Zip64ExtraBytes(headerOffset, byteCount) + ExtraHeaderBytes;
        long start = headerOffset + headerBytes + withoutPadding;
        return withoutPadding + (int)(-start & (ZipFormat.Alignment - 1));
    }

    /// <summary>The size twice, then the offset of the header, each only where it does not fit into 32 bits.</summary>
    public static int Zip64ExtraBytes(long headerOffset, long byteCount)
    {
        int values = (byteCount >= ZipFormat.Beyond32 ? 2 : 0) + (headerOffset >= ZipFormat.Beyond32 ? 1 : 0);
        return values == 0 ? 0 : ExtraHeaderBytes + (values * sizeof(ulong));
    }

    /// <summary>Bytes behind the content that repeat checksum and size; an empty entry has none.</summary>
    public static int DescriptorBytes(long headerOffset, long byteCount) =>
        byteCount == 0 ? 0
        : Zip64ExtraBytes(headerOffset, byteCount) == 0 ? ZipFormat.DescriptorBytes
        : ZipFormat.Zip64DescriptorBytes;
}
