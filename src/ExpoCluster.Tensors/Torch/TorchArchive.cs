using System.Text;

namespace ExpoCluster.Tensors.Torch;

/// <summary>A zip archive that torch.save wrote: <c>NAME/data.pkl</c>, <c>NAME/data/KEY</c> and a few small entries.</summary>
internal sealed class TorchArchive
{
    /// <summary>Enough for 100,000 tensors with long names.</summary>
    internal const int MaxPickleBytes = 32 << 20;

    private const string PickleName = "/data.pkl";

    /// <summary>Small entries that stand behind the pickle come with it in one read.</summary>
    private const int WindowBytes = 1 << 12;

    private readonly ByteSource source;
    private readonly ZipLayout layout;
    private readonly Dictionary<string, ZipEntry> entries;
    private readonly ZipEntry pickle;
    private readonly string prefix;
    private readonly byte[] window;

    private TorchArchive(ByteSource source, ZipDirectory directory, ZipLayout layout, ZipEntry pickle)
    {
        this.source = source;
        this.layout = layout;
        this.pickle = pickle;
        entries = directory.Entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        prefix = pickle.Name[..^PickleName.Length] + "/";
        PickleOffset = layout.ContentOffset(pickle);
        window = new byte[Math.Min(pickle.ByteCount + WindowBytes, directory.Offset - PickleOffset)];
        source.ReadExactly(window, PickleOffset);
    }

    public ReadOnlyMemory<byte> Pickle => window.AsMemory(0, (int)pickle.ByteCount);

    /// <summary>Bytes from the start of the file.</summary>
    public long PickleOffset { get; }

    /// <exception cref="TensorFileException">The archive is damaged, or not PyTorch's, or in a byte order that is not read.</exception>
    public static TorchArchive Open(ByteSource source, ZipDirectory directory)
    {
        ZipEntry pickle = FindPickle(directory, source.Name);
        if (pickle.ByteCount > MaxPickleBytes)
        {
            throw TorchRules.PickleWithinCap.Broken(
                source.Name, offset: pickle.HeaderOffset, expected: $"at most {MaxPickleBytes} bytes", found: $"{pickle.ByteCount} bytes");
        }

        var archive = new TorchArchive(source, directory, ZipLayout.Of(source, directory), pickle);
        archive.RequireChecksum(pickle, archive.Pickle.Span);
        archive.RequireLittleEndian();
        return archive;
    }

    /// <summary>Where the bytes of a storage lie; null when the archive has none of this key.</summary>
    public (long Offset, long ByteCount)? FindStorage(string key) =>
        entries.TryGetValue($"{prefix}data/{key}", out ZipEntry? entry) ? (layout.ContentOffset(entry), entry.ByteCount) : null;

    private static ZipEntry FindPickle(ZipDirectory directory, string file)
    {
        ZipEntry[] pickles = [.. directory.Entries.Where(entry =>
            entry.Name.IndexOf('/', StringComparison.Ordinal) == entry.Name.Length - PickleName.Length
            && entry.Name.EndsWith(PickleName, StringComparison.Ordinal))];
        if (pickles.Length != 1)
        {
            throw TorchRules.IsTorchs.Broken(
                file, expected: "one entry NAME/data.pkl", found: $"{pickles.Length} of {directory.Entries.Length} entries");
        }

        string prefix = pickles[0].Name[..^PickleName.Length];
        bool isScript = directory.Entries.Any(entry =>
            entry.Name == prefix + "/constants.pkl" || entry.Name.StartsWith(prefix + "/code/", StringComparison.Ordinal));
        return isScript ? throw TorchRules.IsNoScript.Broken(file, found: prefix + "/constants.pkl or code/") : pickles[0];
    }

    private void RequireChecksum(ZipEntry entry, ReadOnlySpan<byte> content)
    {
        uint crc = Crc32.Of(content);
        if (crc != entry.Crc32)
        {
            throw TorchRules.ChecksumIsRight.Broken(
                source.Name, offset: layout.ContentOffset(entry), expected: $"{entry.Crc32:x8} for {entry.Name}", found: $"{crc:x8}");
        }
    }

    // Versions before 2.1 did not write the entry, and ran on little-endian machines.
    private void RequireLittleEndian()
    {
        if (!entries.TryGetValue(prefix + "byteorder", out ZipEntry? entry))
        {
            return;
        }

        string order = entry.ByteCount > WindowBytes ? $"{entry.ByteCount} bytes" : ReadText(entry);
        if (order != "little")
        {
            throw TorchRules.IsLittleEndian.Broken(source.Name, offset: layout.ContentOffset(entry), expected: "little", found: order);
        }
    }

    private string ReadText(ZipEntry entry)
    {
        byte[] content = new byte[entry.ByteCount];
        long inWindow = layout.ContentOffset(entry) - PickleOffset;
        if (inWindow >= 0 && inWindow + content.Length <= window.Length)
        {
            window.AsSpan((int)inWindow, content.Length).CopyTo(content);
        }
        else
        {
            source.ReadExactly(content, layout.ContentOffset(entry));
        }

        RequireChecksum(entry, content);
        return Encoding.Latin1.GetString(content);
    }
}
