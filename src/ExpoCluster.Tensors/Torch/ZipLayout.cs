using System.Buffers.Binary;
using System.Text;

namespace ExpoCluster.Tensors.Torch;

/// <summary>Where the content of each entry begins, checked against the entries' own headers.</summary>
/// <remarks>
/// Between an entry's header and its content lies padding whose length only that header tells. On this machine all headers are
/// read. For a remote file that would be a request for each tensor; there the place of content is computed twice, as PyTorch
/// aligns it and as the next header follows it, and only where the two differ the header is read.
/// </remarks>
internal sealed class ZipLayout
{
    private readonly ByteSource source;
    private readonly ZipDirectory directory;
    private readonly Dictionary<string, long> contentOffsets;

    private ZipLayout(ByteSource source, ZipDirectory directory)
    {
        this.source = source;
        this.directory = directory;
        contentOffsets = new Dictionary<string, long>(directory.Entries.Length, StringComparer.Ordinal);
    }

    /// <exception cref="TensorFileException">Entries overlap, leave the file, or contradict their headers.</exception>
    public static ZipLayout Of(ByteSource source, ZipDirectory directory)
    {
        var layout = new ZipLayout(source, directory);
        layout.Place();
        return layout;
    }

    /// <summary>Bytes from the start of the file.</summary>
    public long ContentOffset(ZipEntry entry) => contentOffsets[entry.Name];

    private void Place()
    {
        ZipEntry[] ordered = [.. directory.Entries.OrderBy(entry => entry.HeaderOffset)];
        long previousEnd = 0;
        for (int i = 0; i < ordered.Length; i++)
        {
            long next = i + 1 < ordered.Length ? ordered[i + 1].HeaderOffset : directory.Offset;
            previousEnd = Place(ordered[i], previousEnd, Math.Min(next, directory.Offset));
        }
    }

    /// <returns>Where the entry's content ends.</returns>
    private long Place(ZipEntry entry, long previousEnd, long next)
    {
        int headerBytes = ZipFormat.LocalBytes + Encoding.UTF8.GetByteCount(entry.Name);
        if (entry.HeaderOffset > directory.Offset - headerBytes)
        {
            throw TorchRules.EntriesWithinFile.Broken(
                source.Name, offset: entry.HeaderOffset, expected: $"an end before {directory.Offset}", found: entry.Name);
        }

        if (entry.HeaderOffset < previousEnd)
        {
            throw Overlap(entry, previousEnd);
        }

        long content = source.IsRemote && Predict(entry, headerBytes, next) is { } predicted ? predicted : ReadHeader(entry, headerBytes);
        if (content > directory.Offset || entry.ByteCount > directory.Offset - content)
        {
            throw TorchRules.EntriesWithinFile.Broken(
                source.Name,
                offset: content,
                expected: $"an end before {directory.Offset}",
                found: $"{entry.ByteCount} bytes of {entry.Name}");
        }

        contentOffsets.Add(entry.Name, content);
        return content + entry.ByteCount;
    }

    private TensorFileException Overlap(ZipEntry entry, long previousEnd) => TorchRules.EntriesAreDisjoint.Broken(
        source.Name, offset: entry.HeaderOffset, expected: $"a beginning at {previousEnd} or behind", found: entry.Name);

    private static long? Predict(ZipEntry entry, int headerBytes, long next)
    {
        long content = entry.HeaderOffset + headerBytes + TorchPadding.ExtraBytes(entry.HeaderOffset, headerBytes, entry.ByteCount);
        int descriptor = entry.HasDescriptor ? TorchPadding.DescriptorBytes(entry.HeaderOffset, entry.ByteCount) : 0;
        return content + entry.ByteCount + descriptor == next ? content : null;
    }

    private long ReadHeader(ZipEntry entry, int headerBytes)
    {
        byte[] header = new byte[headerBytes];
        source.ReadExactly(header, entry.HeaderOffset);
        string? difference =
            U32(header, 0) != ZipFormat.LocalSignature ? "no header of an entry"
            : !header.AsSpan(ZipFormat.LocalBytes).SequenceEqual(Encoding.UTF8.GetBytes(entry.Name))
                || U16(header, 26) != headerBytes - ZipFormat.LocalBytes ? "another name"
            : U16(header, 8) != ZipFormat.Stored ? $"method {U16(header, 8)}"
            : (U16(header, 6) & ZipFormat.EncryptionFlags) != 0 ? "encryption"
            : (U16(header, 6) & ZipFormat.DescriptorFlag) != (entry.Flags & ZipFormat.DescriptorFlag) ? "other flags"
            : !Agrees(U32(header, 14), entry.Crc32, entry) ? $"the checksum {U32(header, 14):x8}"
            : !AgreesInSize(U32(header, 18), entry) ? $"{U32(header, 18)} bytes stored"
            : !AgreesInSize(U32(header, 22), entry) ? $"{U32(header, 22)} bytes"
            : null;
        return difference is null
            ? entry.HeaderOffset + headerBytes + U16(header, 28)
            : throw TorchRules.HeadersAgree.Broken(
                source.Name, offset: entry.HeaderOffset, expected: $"the header of {entry.Name}", found: difference);
    }

    // Where a descriptor follows the content, the header in front of it says 0.
    private static bool Agrees(uint stated, uint expected, ZipEntry entry) =>
        stated == expected || (entry.HasDescriptor && stated == 0);

    private static bool AgreesInSize(uint stated, ZipEntry entry) =>
        stated == ZipFormat.Beyond32
        || (entry.HasDescriptor && stated == 0)
        || stated == entry.ByteCount;

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
