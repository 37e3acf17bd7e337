using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>A checked safetensors header: every rule of the format holds for what this object says.</summary>
public sealed class SafetensorsHeader
{
    /// <summary>The format's limit on N, the bytes of JSON and padding, for reading and writing.</summary>
    public const int MaxJsonBytes = 100_000_000;

    /// <summary>The little-endian N in front of the JSON.</summary>
    internal const int LengthFieldBytes = 8;

    private SafetensorsHeader(
        ImmutableArray<SafetensorsTensor> tensors,
        ImmutableSortedDictionary<string, string> metadata,
        long dataStart,
        string digest)
    {
        Tensors = tensors;
        Metadata = metadata;
        DataStart = dataStart;
        Digest = digest;
    }

    /// <summary>In the order of their offsets (empty tensors that share one: by name).</summary>
    public ImmutableArray<SafetensorsTensor> Tensors { get; }

    /// <summary>The <c>__metadata__</c> map; empty when absent.</summary>
    public ImmutableSortedDictionary<string, string> Metadata { get; }

    /// <summary>Bytes from the start of the file to the data section: 8 + N.</summary>
    public long DataStart { get; }

    /// <summary>SHA-256 over the first <see cref="DataStart"/> bytes of the file, lower-case hex.</summary>
    public string Digest { get; }

    /// <summary>Reads and checks the header of the file at <paramref name="path"/>.</summary>
    /// <exception cref="TensorFileException">The file is missing, unreadable or breaks a rule of the format.</exception>
    public static SafetensorsHeader ReadFrom(string path)
    {
        using ByteSource source = ByteSource.OfFile(path);
        return ReadFrom(source);
    }

    /// <summary>Reads and checks a header.</summary>
    /// <exception cref="TensorFileException">The file cannot be read or breaks a rule of the format.</exception>
    public static SafetensorsHeader ReadFrom(ByteSource source)
    {
        Span<byte> lengthField = stackalloc byte[(int)Math.Min(LengthFieldBytes, source.ByteLength)];
        source.ReadExactly(lengthField, 0);
        byte[] header = new byte[MeasureDataStart(lengthField, source.ByteLength, source.Name)];
        source.ReadExactly(header, 0);
        return Parse(header, source.ByteLength, source.Name);
    }

    /// <summary>Checks a header whose bytes were read by other means.</summary>
    /// <param name="headerBytes">The file's bytes from its start; at least the first 8 + N.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <param name="fileName">How errors name the file.</param>
    /// <exception cref="TensorFileException">The file breaks a rule of the format.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> headerBytes, long fileLength, string fileName)
    {
        int dataStart = MeasureDataStart(headerBytes, fileLength, fileName);
        if (headerBytes.Length < dataStart)
        {
            throw SafetensorsRules.HeaderWithinFile.Broken(
                fileName, expected: $"{dataStart} bytes", found: $"{headerBytes.Length} bytes");
        }

        var parser = new SafetensorsHeaderParser(headerBytes[LengthFieldBytes..dataStart], fileName);
        parser.Parse();
        return new SafetensorsHeader(
            SafetensorsCoverage.Check(parser.Tensors, dataStart, fileLength, fileName),
            parser.Metadata,
            dataStart,
            Convert.ToHexStringLower(SHA256.HashData(headerBytes[..dataStart])));
    }

    /// <summary>Reads 8 + N from the first 8 bytes of a file, and checks it before anyone allocates that much.</summary>
    /// <exception cref="TensorFileException">
    /// Fewer than 8 bytes, or N beyond the format's limit or the end of the file.
    /// </exception>
    public static int MeasureDataStart(ReadOnlySpan<byte> firstBytes, long fileLength, string fileName)
    {
        long available = Math.Min(firstBytes.Length, fileLength);
        if (available < LengthFieldBytes)
        {
            throw SafetensorsRules.HasALength.Broken(
                fileName, expected: $"at least {LengthFieldBytes} bytes", found: $"{available} bytes");
        }

        ulong jsonBytes = BinaryPrimitives.ReadUInt64LittleEndian(firstBytes);
        if (jsonBytes > MaxJsonBytes)
        {
            throw SafetensorsRules.HeaderWithinCap.Broken(
                fileName, offset: 0, expected: $"at most {MaxJsonBytes} bytes", found: $"{jsonBytes} bytes");
        }

        int dataStart = LengthFieldBytes + (int)jsonBytes;
        return dataStart <= fileLength
            ? dataStart
            : throw SafetensorsRules.HeaderWithinFile.Broken(
                fileName, offset: 0, expected: $"at least {dataStart} bytes", found: $"{fileLength} bytes");
    }

    /// <summary>
    /// Encodes a canonical header for the given tensors, already sorted and laid out by <see cref="SafetensorsLayout"/>.
    /// </summary>
    /// <remarks>Metadata is sorted by key, so that equal input gives equal bytes; an empty map is left out.</remarks>
    /// <returns>8 + N bytes, N including the padding that makes the data start at a multiple of 8.</returns>
    /// <exception cref="TensorFileException">
    /// A name is reserved, doubled or not Unicode, or the header exceeds the format's limit.
    /// </exception>
    public static byte[] Encode(IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string> metadata) =>
        new SafetensorsHeaderEncoder().Encode(tensors, metadata);
}
