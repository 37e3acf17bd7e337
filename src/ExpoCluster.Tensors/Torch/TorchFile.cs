using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Security.Cryptography;

namespace ExpoCluster.Tensors.Torch;

/// <summary>What torch.save writes: recognised by its first bytes, read as far as its description of tensors.</summary>
internal static class TorchFile
{
    public const string Format = "torch";

    /// <summary>As many first bytes of a file as tell formats apart.</summary>
    public const int SignatureBytes = 9;

    /// <summary>True for a zip archive. A safetensors header could begin with the same four bytes, as its length.</summary>
    public static bool IsArchive(ReadOnlySpan<byte> firstBytes) =>
        firstBytes.Length >= 4
        && BinaryPrimitives.ReadUInt32LittleEndian(firstBytes) is ZipFormat.LocalSignature or ZipFormat.EndSignature
        && !(IsSafetensorsLength(firstBytes) && firstBytes[SignatureBytes - 1] == '{');

    /// <summary>True for a pickle of protocol 2 or newer that stands in no archive.</summary>
    public static bool IsLegacy(ReadOnlySpan<byte> firstBytes) =>
        firstBytes.Length >= 2
        && firstBytes[0] == (byte)PickleOpcode.Proto
        && firstBytes[1] is >= 2 and <= 5
        && !IsSafetensorsLength(firstBytes);

    /// <param name="source">The file.</param>
    /// <param name="key">Where the state dict is; null to find it.</param>
    /// <exception cref="TensorFileException">The archive breaks a rule, or what it holds is no checkpoint.</exception>
    public static WeightsHeader Read(ByteSource source, string? key)
    {
        ZipDirectory directory = ZipDirectory.ReadFrom(source);
        TorchArchive archive = TorchArchive.Open(source, directory);
        PickleValue pickled = PickleReader.Read(archive.Pickle, archive.PickleOffset, source.Name);
        StateDict stateDict = StateDict.Find(pickled, source.Name, key);
        ImmutableArray<WeightsTensor> tensors = new TorchTensors(archive, source.Name).Locate(stateDict);
        return new WeightsHeader(Format, Digest(directory, archive), DataStart: 0, NoMetadata, tensors)
        {
            Notes = stateDict.Notes,
            IsInStateDictOrder = true,
        };
    }

    private static ImmutableSortedDictionary<string, string> NoMetadata => ImmutableSortedDictionary<string, string>.Empty;

    private static string Digest(ZipDirectory directory, TorchArchive archive)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(directory.Bytes.Span);
        hash.AppendData(archive.Pickle.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    // The length's upper half is 0 for every header that the format allows.
    private static bool IsSafetensorsLength(ReadOnlySpan<byte> firstBytes) =>
        firstBytes.Length >= SignatureBytes && BinaryPrimitives.ReadUInt32LittleEndian(firstBytes[4..]) == 0;
}
