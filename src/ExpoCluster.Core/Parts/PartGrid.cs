namespace ExpoCluster.Core.Parts;

/// <summary>One part: the bytes [Begin, End) of one output file.</summary>
/// <param name="File">Index of the file in the plan.</param>
/// <param name="Index">Index of the part in the file.</param>
/// <param name="Begin">Bytes from the start of the file; a multiple of the block size.</param>
/// <param name="End">A multiple of the block size, or the end of the file.</param>
public readonly record struct PartRange(int File, int Index, long Begin, long End)
{
    public long ByteCount => End - Begin;
}

/// <summary>How a file is cut into blocks and parts. Both are counted from the start of the file, header included.</summary>
public static class PartGrid
{
    /// <summary>The unit of digests, and of what a part's ends are multiples of: every disk block and page has one author.</summary>
    public const int BlockBytes = 4 << 20;

    /// <summary>The size of all parts of a file but its last one.</summary>
    public const int PartBytes = 8 * BlockBytes;

    public const int BlocksPerPart = PartBytes / BlockBytes;

    public static int PartCount(long fileByteLength) => checked((int)DivideUp(fileByteLength, PartBytes));

    public static int BlockCount(long byteCount) => checked((int)DivideUp(byteCount, BlockBytes));

    public static PartRange Part(int file, int index, long fileByteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, PartCount(fileByteLength));
        long begin = (long)index * PartBytes;
        return new PartRange(file, index, begin, Math.Min(begin + PartBytes, fileByteLength));
    }

    private static long DivideUp(long value, long unit) => (value + unit - 1) / unit;
}
