using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ExpoCluster.Core.SideFiles;

namespace ExpoCluster.Core.Samples;

/// <summary>Lays samples out as the Hub's own tools leave downloaded repositories behind: blobs by digest, and links to them.</summary>
public static class SampleHubCache
{
    /// <summary>Moves the files of a directory into a cache, as the only revision of a repository.</summary>
    /// <param name="cache">The directory that holds <c>models--…</c>; created if it is missing.</param>
    /// <param name="repository">Organisation and name.</param>
    /// <param name="source">Its files; gone afterwards.</param>
    /// <param name="isOutline">
    /// Names blobs by the names of their files: to compute the digests of an outline would be to read hundreds of gigabytes of zeros.
    /// </param>
    /// <returns>The snapshot's directory.</returns>
    public static string LayOut(string cache, string repository, string source, bool isOutline = false)
    {
        string root = Path.Join(cache, "models--" + repository.Replace("/", "--", StringComparison.Ordinal));
        string commit = CommitOf(repository);
        string snapshot = Path.Join(root, "snapshots", commit);
        Directory.CreateDirectory(Path.Join(root, "refs"));
        Directory.CreateDirectory(Path.Join(root, "blobs"));
        Directory.CreateDirectory(snapshot);
        foreach (string path in Directory.EnumerateFiles(source))
        {
            string name = Path.GetFileName(path);
            bool isLarge = SideFileSelection.IsWeights(name) || name == TrainingArgumentsFile.Name;
            string blob =
                !isLarge ? GitDigestOf(path)
                : isOutline ? Hex(SHA256.HashData(Encoding.UTF8.GetBytes($"{repository}/{name}")))
                : Sha256Of(path);
            File.Move(path, Path.Join(root, "blobs", blob), overwrite: true);
            File.CreateSymbolicLink(Path.Join(snapshot, name), $"../../blobs/{blob}");
        }

        Directory.Delete(source);
        File.WriteAllText(Path.Join(root, "refs", "main"), commit);
        return snapshot;
    }

    /// <summary>A made-up commit, the same for every sample of a repository.</summary>
    public static string CommitOf(string repository) => Hex(SHA256.HashData(Encoding.UTF8.GetBytes(repository)))[..40];

    private static string Sha256Of(string path)
    {
        using FileStream content = File.OpenRead(path);
        return Hex(SHA256.HashData(content));
    }

    // What git calls a file: the Hub names small ones so.
#pragma warning disable CA5350 // Git's digest is SHA-1; nothing here relies on its strength.
    private static string GitDigestOf(string path)
    {
        byte[] content = File.ReadAllBytes(path);
        byte[] prefix = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {content.Length}\0"));
        return Hex(SHA1.HashData([.. prefix, .. content]));
    }
#pragma warning restore CA5350

    private static string Hex(byte[] digest) => Convert.ToHexStringLower(digest);
}
