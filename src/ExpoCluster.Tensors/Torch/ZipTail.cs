using System.Buffers.Binary;

namespace ExpoCluster.Tensors.Torch;

/// <summary>What the last records of a zip archive say of its directory.</summary>
internal sealed class ZipTail
{
    /// <summary>Enough for the end records and, in most files, the whole directory: one request to a remote source.</summary>
    private const int TailBytes = 128 << 10;

    private readonly byte[] tail;
    private readonly long tailOffset;
    private readonly string file;

    private ZipTail(byte[] tail, long tailOffset, string file)
    {
        this.tail = tail;
        this.tailOffset = tailOffset;
        this.file = file;
    }

    public long EntryCount { get; private set; }

    public long DirectoryOffset { get; private set; }

    public long DirectoryByteCount { get; private set; }

    public static ZipTail ReadFrom(ByteSource source)
    {
        byte[] tail = new byte[Math.Min(source.ByteLength, TailBytes)];
        long offset = source.ByteLength - tail.Length;
        source.ReadExactly(tail, offset);
        var found = new ZipTail(tail, offset, source.Name);
        found.Read();
        return found;
    }

    public ReadOnlyMemory<byte> ReadDirectory(ByteSource source)
    {
        if (DirectoryOffset >= tailOffset)
        {
            return tail.AsMemory((int)(DirectoryOffset - tailOffset), (int)DirectoryByteCount);
        }

        byte[] directory = new byte[DirectoryByteCount];
        source.ReadExactly(directory, DirectoryOffset);
        return directory;
    }

    private void Read()
    {
        int end = FindEnd();
        ReadOnlySpan<byte> record = tail.AsSpan(end);
        RequireOneVolume(end, U16(record, 4), U16(record, 6), "0");
        uint entries = U16(record, 10);
        uint byteCount = U32(record, 12);
        uint offset = U32(record, 16);
        if (U16(record, 8) != entries)
        {
            throw Contradiction(end, $"{entries} entries", $"{U16(record, 8)} of them here");
        }

        int directoryEnd = end;
        (EntryCount, DirectoryByteCount, DirectoryOffset) = (entries, byteCount, offset);
        int locator = end - ZipFormat.Zip64LocatorBytes;
        if (locator >= 0 && U32(tail, locator) == ZipFormat.Zip64LocatorSignature)
        {
            directoryEnd = ReadZip64(locator, entries, byteCount, offset);
        }

        long expectedEnd = tailOffset + directoryEnd;
        if (DirectoryByteCount > expectedEnd || DirectoryOffset != expectedEnd - DirectoryByteCount)
        {
            throw Contradiction(
                end, $"a directory that ends at {expectedEnd}", $"{DirectoryByteCount} bytes from {DirectoryOffset} on");
        }
    }

    // The record may be followed by a comment, whose length must then lead to the end of the file.
    private int FindEnd()
    {
        int first = Math.Max(0, tail.Length - ZipFormat.EndBytes - ushort.MaxValue);
        for (int at = tail.Length - ZipFormat.EndBytes; at >= first; at--)
        {
            if (U32(tail, at) == ZipFormat.EndSignature && at + ZipFormat.EndBytes + U16(tail, at + 20) == tail.Length)
            {
                return at;
            }
        }

        throw TorchRules.HasAnEnd.Broken(file, expected: "the end of a zip archive", found: $"none in the last {tail.Length} bytes");
    }

    /// <returns>Where in the tail the record of 64 bits begins, which the directory must end at.</returns>
    private int ReadZip64(int locator, uint entries, uint byteCount, uint offset)
    {
        int at = locator - ZipFormat.Zip64EndBytes;
        if (at < 0
            || U64(tail, locator + 8) != (ulong)(tailOffset + at)
            || U32(tail, at) != ZipFormat.Zip64EndSignature
            || U64(tail, at + 4) != ZipFormat.Zip64EndBytes - 12)
        {
            throw Contradiction(locator, "a record of 64 bits in front", "something else");
        }

        RequireOneVolume(locator, U32(tail, locator + 4), U32(tail, at + 16) | U32(tail, at + 20), "0");
        EntryCount = Consistent(at, U64(tail, at + 32), entries, ZipFormat.Beyond16);
        DirectoryByteCount = Consistent(at, U64(tail, at + 40), byteCount, ZipFormat.Beyond32);
        DirectoryOffset = Consistent(at, U64(tail, at + 48), offset, ZipFormat.Beyond32);
        return U64(tail, at + 24) == (ulong)EntryCount
            ? at
            : throw Contradiction(at, $"{EntryCount} entries", $"{U64(tail, at + 24)} of them here");
    }

    private long Consistent(int at, ulong value, uint small, uint beyond) =>
        value <= long.MaxValue && (small == beyond || small == value)
            ? (long)value
            : throw Contradiction(at, $"{small}, as the last record says", $"{value}");

    private void RequireOneVolume(int at, uint first, uint second, string expected)
    {
        if (first != 0 || second != 0)
        {
            throw Contradiction(at, $"volume {expected}", $"{first} and {second}");
        }
    }

    private TensorFileException Contradiction(int at, string expected, string found) =>
        ZipDirectory.Contradiction(file, tailOffset + at, expected, found);

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
