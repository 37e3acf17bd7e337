using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace ExpoCluster.Tensors.Torch;

/// <summary>The directory at the end of a zip archive, which is stricter here than the format: nothing may be left unexplained.</summary>
/// <param name="Entries">In the order of the directory.</param>
/// <param name="Offset">Of the directory, where the place for entries ends: bytes from the start of the file.</param>
/// <param name="Bytes">Its bytes as they are.</param>
internal sealed record ZipDirectory(ImmutableArray<ZipEntry> Entries, long Offset, ReadOnlyMemory<byte> Bytes)
{
    /// <summary>A quarter of a million tensors with long names take half of it.</summary>
    internal const int MaxBytes = 64 << 20;

    private const long MaxEntries = 1_000_000;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="TensorFileException">The file has no directory, or one that contradicts itself.</exception>
    public static ZipDirectory ReadFrom(ByteSource source)
    {
        var tail = ZipTail.ReadFrom(source);
        if (tail.EntryCount > MaxEntries || tail.DirectoryByteCount > MaxBytes)
        {
            throw TorchRules.DirectoryWithinCap.Broken(
                source.Name,
                expected: $"at most {MaxEntries} entries in {MaxBytes} bytes",
                found: $"{tail.EntryCount} entries in {tail.DirectoryByteCount} bytes");
        }

        if (tail.EntryCount * ZipFormat.DirectoryEntryBytes > tail.DirectoryByteCount)
        {
            throw Contradiction(
                source.Name, tail.DirectoryOffset, $"room for {tail.EntryCount} entries", $"{tail.DirectoryByteCount} bytes");
        }

        ReadOnlyMemory<byte> bytes = tail.ReadDirectory(source);
        return new ZipDirectory(Parse(bytes.Span, tail, source.Name), tail.DirectoryOffset, bytes);
    }

    internal static TensorFileException Contradiction(string file, long offset, string expected, string found) =>
        TorchRules.DirectoryIsSound.Broken(file, offset: offset, expected: expected, found: found);

    private static ImmutableArray<ZipEntry> Parse(ReadOnlySpan<byte> directory, ZipTail tail, string file)
    {
        var entries = ImmutableArray.CreateBuilder<ZipEntry>((int)tail.EntryCount);
        var names = new HashSet<string>(StringComparer.Ordinal);
        int position = 0;
        for (long i = 0; i < tail.EntryCount; i++)
        {
            ZipEntry entry = ParseEntry(directory[position..], tail.DirectoryOffset + position, file, out int length);
            if (!names.Add(entry.Name))
            {
                throw TorchRules.EntriesAreUnique.Broken(file, offset: tail.DirectoryOffset + position, found: entry.Name);
            }

            entries.Add(entry);
            position += length;
        }

        return position == directory.Length
            ? entries.DrainToImmutable()
            : throw Contradiction(
                file, tail.DirectoryOffset + position, $"{tail.EntryCount} entries in {position} bytes", $"{directory.Length} bytes");
    }

    private static ZipEntry ParseEntry(ReadOnlySpan<byte> rest, long offset, string file, out int length)
    {
        if (rest.Length < ZipFormat.DirectoryEntryBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(rest) != ZipFormat.DirectorySignature)
        {
            throw Contradiction(file, offset, "an entry of the directory", "something else");
        }

        int nameBytes = U16(rest, 28);
        int extraBytes = U16(rest, 30);
        length = ZipFormat.DirectoryEntryBytes + nameBytes + extraBytes + U16(rest, 32);
        if (length > rest.Length)
        {
            throw Contradiction(file, offset, $"an entry of {length} bytes", $"{rest.Length} bytes");
        }

        string name = NameOf(rest.Slice(ZipFormat.DirectoryEntryBytes, nameBytes), offset, file);
        var sizes = new Zip64Sizes(rest.Slice(ZipFormat.DirectoryEntryBytes + nameBytes, extraBytes), offset, file);
        long byteCount = sizes.Resolve(U32(rest, 24));
        long storedBytes = sizes.Resolve(U32(rest, 20));
        long headerOffset = sizes.Resolve(U32(rest, 42));
        int flags = U16(rest, 8);
        RequirePlain(flags, U16(rest, 10), name, offset, file);
        return storedBytes == byteCount
            ? new ZipEntry(name, flags, U32(rest, 16), byteCount, headerOffset)
            : throw Contradiction(file, offset, $"{byteCount} bytes stored of '{Printable.Of(name)}'", $"{storedBytes} bytes");
    }

    private static void RequirePlain(int flags, int method, string name, long offset, string file)
    {
        if ((flags & ZipFormat.EncryptionFlags) != 0)
        {
            throw TorchRules.EntriesArePlain.Broken(file, offset: offset, found: name);
        }

        if (method != ZipFormat.Stored)
        {
            throw TorchRules.EntriesAreStored.Broken(
                file, offset: offset, expected: "method 0 (stored)", found: $"method {method} for {name}");
        }
    }

    private static string NameOf(ReadOnlySpan<byte> name, long offset, string file)
    {
        try
        {
            return StrictUtf8.GetString(name);
        }
        catch (DecoderFallbackException)
        {
            throw Contradiction(file, offset, "an entry's name in UTF-8", "other bytes");
        }
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
