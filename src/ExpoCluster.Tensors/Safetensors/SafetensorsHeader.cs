using System.Collections.Immutable;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>A checked safetensors header: every rule of the format holds for what this object says.</summary>
public sealed class SafetensorsHeader
{
    private SafetensorsHeader() => throw new NotImplementedException();

    /// <summary>In the order of their offsets (empty tensors that share one: by name).</summary>
    public ImmutableArray<SafetensorsTensor> Tensors => throw new NotImplementedException();

    /// <summary>The <c>__metadata__</c> map; empty when absent.</summary>
    public ImmutableSortedDictionary<string, string> Metadata => throw new NotImplementedException();

    /// <summary>Bytes from the start of the file to the data section: 8 + N.</summary>
    public long DataStart => throw new NotImplementedException();

    /// <summary>SHA-256 over the first <see cref="DataStart"/> bytes of the file, lower-case hex.</summary>
    public string Digest => throw new NotImplementedException();

    /// <summary>Reads and checks the header of the file at <paramref name="path"/>.</summary>
    /// <exception cref="TensorFileException">The file is missing, unreadable or breaks a rule of the format.</exception>
    public static SafetensorsHeader ReadFrom(string path) => throw new NotImplementedException();

    /// <summary>Encodes a canonical header for the given tensors, already sorted and laid out by <see cref="SafetensorsLayout"/>.</summary>
    /// <returns>8 + N bytes, N including the padding that makes the data start at a multiple of 8.</returns>
    public static byte[] Encode(IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string> metadata) =>
        throw new NotImplementedException();
}
