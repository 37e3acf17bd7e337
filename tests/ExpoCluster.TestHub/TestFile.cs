using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ExpoCluster.TestHub;

/// <summary>A file of a repository: bytes in memory, or a file of this machine, which may be sparse and as large as a real model's.</summary>
public sealed class TestFile
{
    private readonly Func<Stream> open;
    private readonly Lazy<string> digest;

    private TestFile(long byteLength, bool isLarge, Func<Stream> open, string? givenDigest)
    {
        ByteLength = byteLength;
        IsLarge = isLarge;
        this.open = open;
        digest = new Lazy<string>(() => givenDigest ?? (isLarge ? Sha256() : GitSha1()));
    }

    public long ByteLength { get; }

    /// <summary>Kept outside git (LFS): listed with its SHA-256 and served by the storage host.</summary>
    public bool IsLarge { get; }

    /// <summary>SHA-256 of a large file, git's SHA-1 of a small one.</summary>
    public string Etag => digest.Value;

    /// <summary>What git has: the file's SHA-1, or that of a pointer to it.</summary>
    public string GitOid => IsLarge ? Convert.ToHexStringLower(SHA1.HashData(Encoding.ASCII.GetBytes(Etag))) : Etag;

    public static TestFile Of(byte[] content, bool isLarge = false) =>
        new(content.Length, isLarge, () => new MemoryStream(content, writable: false), givenDigest: null);

    public static TestFile Of(string text) => Of(Encoding.UTF8.GetBytes(text));

    /// <param name="path">The file.</param>
    /// <param name="isHashed">False for a file that is too large to hash and that nobody will download whole.</param>
    public static TestFile OfDisk(string path, bool isHashed = true)
    {
        long length = new FileInfo(path).Length;
        bool isWeights = path.EndsWith(".safetensors", StringComparison.Ordinal) || path.EndsWith(".bin", StringComparison.Ordinal);
        bool isLarge = isWeights || length > 10_000_000;
        string? stand = isHashed ? null : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(path)));
        return new TestFile(length, isLarge, () => File.OpenRead(path), isWeights ? stand : null);
    }

    public Stream Open() => open();

    private string Sha256()
    {
        using Stream stream = open();
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private string GitSha1()
    {
        using var content = new MemoryStream();
        content.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {ByteLength}\0")));
        using Stream stream = open();
        stream.CopyTo(content);
        return Convert.ToHexStringLower(SHA1.HashData(content.ToArray()));
    }
}
