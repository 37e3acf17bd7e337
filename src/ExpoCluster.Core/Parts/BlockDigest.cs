using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace ExpoCluster.Core.Parts;

/// <summary>XxHash128 of each 4 MiB block of a file, and what they add up to.</summary>
public static class BlockDigest
{
    /// <summary>Bytes of one block's digest.</summary>
    public const int ByteCount = 16;

    public static void Compute(ReadOnlySpan<byte> block, Span<byte> digest) => XxHash128.Hash(block, digest);

    /// <summary>SHA-256 over the file's length (u64, little-endian) and its block digests in order, lower-case hex.</summary>
    /// <remarks>Independent of parts, nodes and order, and needing no second read of the file.</remarks>
    public static string OfFile(long byteLength, IEnumerable<ReadOnlyMemory<byte>> blockDigests)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, byteLength);
        hash.AppendData(length);
        foreach (ReadOnlyMemory<byte> digests in blockDigests)
        {
            hash.AppendData(digests.Span);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
