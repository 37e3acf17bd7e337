using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;
using ExpoCluster.Tensors.Torch;

namespace ExpoCluster.Tensors;

/// <summary>One tensor of a weights file of any format.</summary>
/// <param name="Name">Unique in its file.</param>
/// <param name="Dtype">The element type.</param>
/// <param name="Shape">Row-major; empty for a scalar.</param>
/// <param name="Offset">Bytes from the start of the file.</param>
/// <param name="ByteCount">Bytes of the tensor, which lie in one piece unless it has <see cref="Strides"/>.</param>
public sealed record WeightsTensor(string Name, Dtype Dtype, ImmutableArray<long> Shape, long Offset, long ByteCount)
{
    /// <summary>Of a view whose elements do not lie in row-major order without gaps: how far the next one of each dimension is, in elements. Default for all others.</summary>
    public ImmutableArray<long> Strides { get; init; }
}

/// <summary>What a weights file says of its tensors, checked, whatever the file's format.</summary>
/// <param name="Format">"safetensors" or "torch".</param>
/// <param name="Digest">SHA-256 over the bytes that this was read from, lower-case hex.</param>
/// <param name="DataStart">What the format counts its own offsets from: bytes from the start of the file.</param>
/// <param name="Metadata">The file's own key-value pairs; empty where it has none.</param>
/// <param name="Tensors">In the order of the file.</param>
public sealed record WeightsHeader(
    string Format,
    string Digest,
    long DataStart,
    ImmutableSortedDictionary<string, string> Metadata,
    ImmutableArray<WeightsTensor> Tensors)
{
    /// <summary>What a user may want to know though it is no error, one sentence each.</summary>
    public ImmutableArray<string> Notes { get; init; } = [];

    /// <summary>Whether the file keeps the order in which the model lists its tensors; safetensors sorts them.</summary>
    public bool IsInStateDictOrder { get; init; }

    /// <summary>Reads and checks the header of a file, whose first bytes tell its format.</summary>
    /// <param name="source">The file.</param>
    /// <param name="key">Under which a PyTorch file holds the tensors that are meant, as <c>model</c> or <c>state.ema</c>; null to find them.</param>
    /// <exception cref="TensorFileException">The file cannot be read or breaks a rule of its format.</exception>
    public static WeightsHeader ReadFrom(ByteSource source, string? key = null)
    {
        Span<byte> firstBytes = stackalloc byte[(int)Math.Min(TorchFile.SignatureBytes, source.ByteLength)];
        source.ReadExactly(firstBytes, 0);
        return TorchFile.IsArchive(firstBytes) ? TorchFile.Read(source, key)
            : TorchFile.IsLegacy(firstBytes) ? throw TorchRules.IsNotLegacy.Broken(source.Name, expected: "a zip archive", found: "a pickle")
            : key is not null ? throw TorchRules.KeyIsThere.Broken(source.Name, expected: $"'{Printable.Of(key)}'", found: "no file of PyTorch's")
            : Of(SafetensorsHeader.ReadFrom(source));
    }

    private static WeightsHeader Of(SafetensorsHeader header) => new(
        "safetensors",
        header.Digest,
        header.DataStart,
        header.Metadata,
        [
            .. header.Tensors.Select(tensor => new WeightsTensor(
                tensor.Name, tensor.Dtype, tensor.Shape, header.DataStart + tensor.Begin, tensor.ByteCount)),
        ]);
}
