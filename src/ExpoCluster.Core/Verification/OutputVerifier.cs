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
    public bool IsSound => Damage.IsEmpty;
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
        Verification[] verified = variants.Length == 0
            ? [VerifyOne(paths, wholeFileSha256, bytesRead, cancellation)]
            : [.. variants.Select(folder => InFolder(folder, VerifyOne(paths.Variant(folder), wholeFileSha256, bytesRead, cancellation)))];
        return new Verification([.. verified.SelectMany(one => one.Files)], [.. verified.SelectMany(one => one.Damage)]);
    }

    // By their alphas, as numbers.
    private static string[] VariantsIn(OutputPaths paths) => !Directory.Exists(paths.Root)
        ? []
        :
        [
            .. Directory.EnumerateDirectories(paths.Root)
                .Select(path => Path.GetFileName(path))
                .Where(name => Plan.IsVariantFolder(name) && File.Exists(paths.Variant(name).Provenance))
                .OrderBy(Plan.AlphaOfFolder),
        ];

    private static Verification InFolder(string folder, Verification one) => new(
        [.. one.Files.Select(file => file with { Name = folder + "/" + file.Name })],
        [.. one.Damage.Select(damage => damage with { File = folder + "/" + damage.File })]);

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

        var damage = ImmutableArray.CreateBuilder<Damage>();
        var files = ImmutableArray.CreateBuilder<VerifiedFile>();
        IEnumerable<string> names = provenance.Published.Union(provenance.Files.Select(file => file.Name), StringComparer.Ordinal);
        foreach (string name in names.Where(name => !File.Exists(paths.Published(name))))
        {
            damage.Add(new Damage(name, null, null, [], "the file is missing", "a file", "nothing"));
        }

        foreach (ProvenanceFile file in provenance.Files.Where(file => File.Exists(paths.Published(file.Name))))
        {
            files.Add(VerifyFile(paths, file, wholeFileSha256, damage, bytesRead, cancellation));
        }

        return new Verification(files.ToImmutable(), damage.ToImmutable());
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
                damage.Add(Describe(path, expected, offset, offset + count, digest));
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

    private static Damage Describe(string path, ProvenanceFile file, long begin, long end, ReadOnlySpan<byte> found)
    {
        int index = (int)(begin / PartGrid.BlockBytes) * BlockDigest.ByteCount;
        return new Damage(
            file.Name,
            begin,
            end,
            TensorsIn(path, begin, end),
            "the block's bytes are not those that were written",
            Convert.ToHexStringLower(file.BlockDigests.AsSpan(index, BlockDigest.ByteCount)),
            Convert.ToHexStringLower(found));
    }

    private static ImmutableArray<string> TensorsIn(string path, long begin, long end)
    {
        try
        {
            SafetensorsHeader header = SafetensorsHeader.ReadFrom(path);
            return
            [
                .. header.Tensors
                    .Where(tensor => tensor.ByteCount > 0)
                    .Where(tensor => header.DataStart + tensor.Begin < end && header.DataStart + tensor.End > begin)
                    .Select(tensor => tensor.Name),
            ];
        }
        catch (TensorFileException)
        {
            // The damage is in the header itself: no tensor can be named.
            return [];
        }
    }
}
