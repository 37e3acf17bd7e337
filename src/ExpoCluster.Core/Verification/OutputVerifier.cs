using System.Collections.Immutable;
using System.Security.Cryptography;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Files;
using ExpoCluster.Tensors.Safetensors;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Verification;

/// <summary>One place where a published file is not what was written.</summary>
/// <param name="File">File name.</param>
/// <param name="Offset">First byte of the damaged block; null when the whole file is concerned.</param>
/// <param name="EndOffset">The byte behind the block's last one.</param>
/// <param name="Tensors">All tensors with bytes in that block; empty when only the header is concerned.</param>
/// <param name="Problem">What is wrong.</param>
/// <param name="Expected">From the provenance.</param>
/// <param name="Found">In the file.</param>
public sealed record Damage(
    string File, long? Offset, long? EndOffset, ImmutableArray<string> Tensors, string Problem, string Expected, string Found);

/// <summary>One verified file.</summary>
/// <param name="Name">File name.</param>
/// <param name="Bytes">As found.</param>
/// <param name="Digest">Over length and block digests, as found.</param>
/// <param name="Sha256">Of the whole file; null unless asked for.</param>
public sealed record VerifiedFile(string Name, long Bytes, string Digest, string? Sha256);

/// <summary>The result of reading a published output back.</summary>
public sealed record Verification(ImmutableArray<VerifiedFile> Files, ImmutableArray<Damage> Damage)
{
    private readonly Lazy<HashSet<string>> damaged = new(() => Damage.Select(damage => damage.File).ToHashSet(StringComparer.Ordinal));

    public bool IsSound => Damage.IsEmpty;

    /// <summary>Bytes of the files that are what was written.</summary>
    public long ProvedBytes => Files.Where(IsProved).Sum(file => file.Bytes);

    /// <summary>Files that the merge has published, but whose bytes its record does not tell: configuration, vocabulary, licence.</summary>
    public ImmutableArray<string> Unproved { get; init; } = [];

    /// <summary>Files of a model that are there without the merge having put them there.</summary>
    public ImmutableArray<string> Unrecorded { get; init; } = [];

    public bool IsProved(VerifiedFile file) => !damaged.Value.Contains(file.Name);
}

/// <summary>Reads a published output back and compares each block with its provenance.</summary>
public static class OutputVerifier
{
    /// <param name="directory">An output directory, or that of a sweep: then every output in it is verified.</param>
    /// <param name="wholeFileSha256">Also computes SHA-256 of each whole file.</param>
    /// <param name="bytesRead">Called after each block with its length.</param>
    /// <param name="cancellation">Stops between two blocks.</param>
    /// <exception cref="ProvenanceException">There is no readable record.</exception>
    public static Verification Verify(
        string directory, bool wholeFileSha256, Action<long>? bytesRead = null, CancellationToken cancellation = default)
    {
        OutputPaths paths = OutputPaths.Of(directory);
        string[] variants = File.Exists(paths.Provenance) ? [] : VariantsIn(paths);
        Verification[] verified = variants.Any(folder => File.Exists(paths.Variant(folder).Provenance))
            ? [.. variants.Select(folder => InFolder(folder, VerifyVariant(paths.Variant(folder), wholeFileSha256, bytesRead, cancellation)))]
            : [VerifyOne(paths, wholeFileSha256, bytesRead, cancellation)];
        return new Verification([.. verified.SelectMany(one => one.Files)], [.. verified.SelectMany(one => one.Damage)])
        {
            Unproved = [.. verified.SelectMany(one => one.Unproved)], Unrecorded = [.. verified.SelectMany(one => one.Unrecorded)],
        };
    }

    // By their alphas, as numbers.
    private static string[] VariantsIn(OutputPaths paths) => !Directory.Exists(paths.Root)
        ? []
        :
        [
            .. Directory.EnumerateDirectories(paths.Root)
                .Select(path => Path.GetFileName(path))
                .Where(name => Plan.IsVariantFolder(name) && IsOutput(paths.Variant(name)))
                .OrderBy(Plan.AlphaOfFolder),
        ];

    private static bool IsOutput(OutputPaths variant) => File.Exists(variant.Provenance) || RecordedFiles.HasWeights(variant.Root);

    // One of several that has lost its record is damage of the sweep, and no reason to say nothing about the others.
    private static Verification VerifyVariant(OutputPaths variant, bool wholeFileSha256, Action<long>? bytesRead, CancellationToken cancellation) =>
        File.Exists(variant.Provenance)
            ? VerifyOne(variant, wholeFileSha256, bytesRead, cancellation)
            : new Verification([], [new Damage(OutputPaths.ProvenanceName, null, null, [], "the file is missing", "a record", "nothing")]);

    private static Verification InFolder(string folder, Verification one)
    {
        string Place(string name) => folder + "/" + name;
        return new Verification(
            [.. one.Files.Select(file => file with { Name = Place(file.Name) })],
            [.. one.Damage.Select(damage => damage with { File = Place(damage.File) })])
        {
            Unproved = [.. one.Unproved.Select(Place)], Unrecorded = [.. one.Unrecorded.Select(Place)],
        };
    }

    private static Verification VerifyOne(
        OutputPaths paths, bool wholeFileSha256, Action<long>? bytesRead, CancellationToken cancellation)
    {
        Provenance provenance = Provenance.ReadFrom(paths)
            ?? throw new ProvenanceException(paths.Provenance, "there is no such file");
        if (provenance.BlockBytes != PartGrid.BlockBytes)
        {
            throw new ProvenanceException(
                paths.Provenance, $"its blocks have {provenance.BlockBytes} bytes, those of this version {PartGrid.BlockBytes}");
        }

        var recorded = new RecordedFiles(paths, provenance);
        var damage = ImmutableArray.CreateBuilder<Damage>();
        var files = ImmutableArray.CreateBuilder<VerifiedFile>();
        damage.AddRange(recorded.Missing().Concat(recorded.Strays()).Concat(recorded.OfIndex()));
        foreach (ProvenanceFile file in provenance.Files.Where(file => File.Exists(paths.Published(file.Name))))
        {
            files.Add(VerifyFile(paths, file, wholeFileSha256, damage, bytesRead, cancellation));
        }

        return new Verification(files.ToImmutable(), damage.ToImmutable()) { Unproved = recorded.Unproved, Unrecorded = recorded.Unrecorded };
    }

    private static VerifiedFile VerifyFile(
        OutputPaths paths,
        ProvenanceFile expected,
        bool wholeFileSha256,
        ImmutableArray<Damage>.Builder damage,
        Action<long>? bytesRead,
        CancellationToken cancellation)
    {
        string path = paths.Published(expected.Name);
        using SafeFileHandle handle = ReadableFile.Open(path);
        using IncrementalHash? sha256 = wholeFileSha256 ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        long length = RandomAccess.GetLength(handle);
        int damageBefore = damage.Count;
        if (length != expected.Bytes)
        {
            damage.Add(new Damage(
                expected.Name, null, null, [], "the file has another length", $"{expected.Bytes} bytes", $"{length} bytes"));
        }

        var header = new Lazy<SafetensorsHeader?>(() => HeaderOf(path));
        byte[] digests = new byte[PartGrid.BlockCount(length) * BlockDigest.ByteCount];
        byte[] block = new byte[PartGrid.BlockBytes];
        for (long offset = 0; offset < length;)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = ReadBlock(handle, block, offset);
            if (count == 0)
            {
                damage.Add(new Damage(
                    expected.Name, null, null, [], "the file became shorter while it was read", $"{length} bytes", $"{offset} bytes"));
                break;
            }

            int index = (int)(offset / PartGrid.BlockBytes) * BlockDigest.ByteCount;
            Span<byte> digest = digests.AsSpan(index, BlockDigest.ByteCount);
            BlockDigest.Compute(block.AsSpan(0, count), digest);
            sha256?.AppendData(block.AsSpan(0, count));
            if (index + BlockDigest.ByteCount <= expected.BlockDigests.Length
                && !digest.SequenceEqual(expected.BlockDigests.AsSpan(index, BlockDigest.ByteCount)))
            {
                damage.Add(Describe(header.Value, expected, offset, offset + count, digest));
            }

            offset += count;
            bytesRead?.Invoke(count);
        }

        string whole = BlockDigest.OfFile(length, [digests]);
        if (damage.Count == damageBefore && whole != expected.Digest)
        {
            // Otherwise a record that lacks block digests would vouch for any bytes.
            damage.Add(new Damage(
                expected.Name, null, null, [], "the file's digest is not the recorded one, though no recorded block differs", expected.Digest, whole));
        }

        return new VerifiedFile(expected.Name, length, whole, sha256 is null ? null : Convert.ToHexStringLower(sha256.GetHashAndReset()));
    }

    private static int ReadBlock(SafeFileHandle handle, byte[] block, long offset)
    {
        int filled = 0;
        while (filled < block.Length && RandomAccess.Read(handle, block.AsSpan(filled), offset + filled) is > 0 and int count)
        {
            filled += count;
        }

        return filled;
    }

    private static Damage Describe(SafetensorsHeader? header, ProvenanceFile file, long begin, long end, ReadOnlySpan<byte> found)
    {
        int index = (int)(begin / PartGrid.BlockBytes) * BlockDigest.ByteCount;
        return new Damage(
            file.Name,
            begin,
            end,
            TensorsIn(header, begin, end),
            "the block's bytes are not those that were written",
            Convert.ToHexStringLower(file.BlockDigests.AsSpan(index, BlockDigest.ByteCount)),
            Convert.ToHexStringLower(found));
    }

    // Where the damage is in the header itself, no tensor can be named.
    private static ImmutableArray<string> TensorsIn(SafetensorsHeader? header, long begin, long end) => header is null
        ? []
        :
        [
            .. header.Tensors
                .Where(tensor => tensor.ByteCount > 0)
                .Where(tensor => header.DataStart + tensor.Begin < end && header.DataStart + tensor.End > begin)
                .Select(tensor => tensor.Name),
        ];

    private static SafetensorsHeader? HeaderOf(string path)
    {
        try
        {
            return SafetensorsHeader.ReadFrom(path);
        }
        catch (TensorFileException)
        {
            return null;
        }
    }
}
