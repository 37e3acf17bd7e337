using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace ExpoCluster.Tensors.Torch;

/// <summary>Lays out a zip archive of stored entries as PyTorch's writer does: aligned content, descriptors, zip64.</summary>
internal sealed class ZipWriter
{
    private const int Flags = ZipFormat.DescriptorFlag | ZipFormat.Utf8Flag;

    private readonly List<Entry> entries = [];
    private long end;

    /// <summary>Bytes of the whole archive.</summary>
    public long ByteLength =>
        end
        + entries.Sum(entry => DirectoryEntryBytes(entry))
        + ZipFormat.Zip64EndBytes + ZipFormat.Zip64LocatorBytes + ZipFormat.EndBytes;

    public void Add(string name, byte[] content)
    {
        int index = Add(name, content.Length);
        entries[index] = entries[index] with { Content = content, Crc = Crc32.Of(content) };
    }

    /// <summary>Makes room for content that is written by others.</summary>
    /// <returns>The entry's index.</returns>
    public int Add(string name, long byteCount)
    {
        byte[] nameBytes = Encoding.UTF8.GetBytes(name);
        int headerBytes = ZipFormat.LocalBytes + nameBytes.Length;
        int extraBytes = TorchPadding.ExtraBytes(end, headerBytes, byteCount);
        long content = end + headerBytes + extraBytes;
        entries.Add(new Entry(nameBytes, end, extraBytes, content, byteCount, Content: null, Crc: 0));
        end = content + byteCount + TorchPadding.DescriptorBytes(end, byteCount);
        return entries.Count - 1;
    }

    public long ContentOffset(int index) => entries[index].ContentOffset;

    public void SetChecksum(int index, uint crc) => entries[index] = entries[index] with { Crc = crc };

    /// <summary>Headers, known content, descriptors and the directory.</summary>
    public IEnumerable<(long Offset, byte[] Bytes)> Frame()
    {
        foreach (Entry entry in entries)
        {
            yield return (entry.HeaderOffset, Header(entry));
            if (entry.Content is not null)
            {
                yield return (entry.ContentOffset, entry.Content);
            }

            yield return (entry.ContentOffset + entry.ByteCount, Descriptor(entry));
        }

        yield return (end, Directory());
    }

    private static byte[] Header(Entry entry)
    {
        var bytes = new Fields();
        bytes.U32(ZipFormat.LocalSignature).U16(0).U16(Flags).U16(ZipFormat.Stored).U32(0).U32(0).U32(0).U32(0)
            .U16(entry.Name.Length).U16(entry.ExtraBytes).Bytes(entry.Name);
        WriteZip64Sizes(bytes, entry);
        int padding = entry.ExtraBytes - TorchPadding.Zip64ExtraBytes(entry.HeaderOffset, entry.ByteCount) - TorchPadding.ExtraHeaderBytes;
        return bytes.U16(ZipFormat.PaddingExtraId).U16(padding).Fill((byte)'Z', padding).ToArray();
    }

    private static byte[] Descriptor(Entry entry)
    {
        var bytes = new Fields();
        switch (TorchPadding.DescriptorBytes(entry.HeaderOffset, entry.ByteCount))
        {
            case 0:
                break;
            case ZipFormat.DescriptorBytes:
                bytes.U32(ZipFormat.DescriptorSignature).U32(entry.Crc).U32((uint)entry.ByteCount).U32((uint)entry.ByteCount);
                break;
            default:
                bytes.U32(ZipFormat.DescriptorSignature).U32(entry.Crc).U64(entry.ByteCount).U64(entry.ByteCount);
                break;
        }

        return bytes.ToArray();
    }

    private byte[] Directory()
    {
        var bytes = new Fields();
        foreach (Entry entry in entries)
        {
            uint size = (uint)Math.Min(entry.ByteCount, ZipFormat.Beyond32);
            bytes.U32(ZipFormat.DirectorySignature).U16(0).U16(0).U16(Flags).U16(ZipFormat.Stored).U32(0)
                .U32(entry.Crc).U32(size).U32(size)
                .U16(entry.Name.Length).U16(TorchPadding.Zip64ExtraBytes(entry.HeaderOffset, entry.ByteCount)).U16(0).U16(0).U16(0).U32(0)
                .U32((uint)Math.Min(entry.HeaderOffset, ZipFormat.Beyond32)).Bytes(entry.Name);
            WriteZip64Sizes(bytes, entry);
        }

        long directoryBytes = bytes.Count;
        bytes.U32(ZipFormat.Zip64EndSignature).U64(ZipFormat.Zip64EndBytes - 12).U16(798).U16(45).U32(0).U32(0)
            .U64(entries.Count).U64(entries.Count).U64(directoryBytes).U64(end);
        bytes.U32(ZipFormat.Zip64LocatorSignature).U32(0).U64(end + directoryBytes).U32(1);
        int count = Math.Min(entries.Count, ZipFormat.Beyond16);
        return bytes.U32(ZipFormat.EndSignature).U16(0).U16(0).U16(count).U16(count)
            .U32((uint)Math.Min(directoryBytes, ZipFormat.Beyond32)).U32((uint)Math.Min(end, ZipFormat.Beyond32)).U16(0).ToArray();
    }

    private static int DirectoryEntryBytes(Entry entry) =>
        ZipFormat.DirectoryEntryBytes + entry.Name.Length + TorchPadding.Zip64ExtraBytes(entry.HeaderOffset, entry.ByteCount);

    private static void WriteZip64Sizes(Fields bytes, Entry entry)
    {
        int length = TorchPadding.Zip64ExtraBytes(entry.HeaderOffset, entry.ByteCount);
        if (length == 0)
        {
            return;
        }

        bytes.U16(ZipFormat.Zip64ExtraId).U16(length - TorchPadding.ExtraHeaderBytes);
        if (entry.ByteCount >= ZipFormat.Beyond32)
        {
            bytes.U64(entry.ByteCount).U64(entry.ByteCount);
        }

        if (entry.HeaderOffset >= ZipFormat.Beyond32)
        {
            bytes.U64(entry.HeaderOffset);
        }
    }

    private sealed record Entry(
        byte[] Name, long HeaderOffset, int ExtraBytes, long ContentOffset, long ByteCount, byte[]? Content, uint Crc);

    private sealed class Fields
    {
        private readonly ArrayBufferWriter<byte> buffer = new();

        public int Count => buffer.WrittenCount;

        public Fields U16(int value)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(Room(2), (ushort)value);
            return this;
        }

        public Fields U32(uint value)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(Room(4), value);
            return this;
        }

        public Fields U64(long value)
        {
            BinaryPrimitives.WriteInt64LittleEndian(Room(8), value);
            return this;
        }

        public Fields Bytes(byte[] bytes)
        {
            bytes.CopyTo(Room(bytes.Length));
            return this;
        }

        public Fields Fill(byte value, int count)
        {
            Room(count).Fill(value);
            return this;
        }

        public byte[] ToArray() => buffer.WrittenSpan.ToArray();

        private Span<byte> Room(int count)
        {
            Span<byte> room = buffer.GetSpan(count)[..count];
            buffer.Advance(count);
            return room;
        }
    }
}
