using System.Security.Cryptography;

namespace ExpoCluster.EndToEnd;

/// <summary>A temporary directory with a sample pair in it.</summary>
public sealed class Workplace : IDisposable
{
    public Workplace(string? size = null, params string[] sampleOptions)
    {
        Root = Directory.CreateTempSubdirectory("expocluster-e2e-").FullName;
        if (size is not null)
        {
            RunResult sample = ExpoProcess.Run(["sample", Root, "--size", size, .. sampleOptions]);
            Assert.True(sample.ExitCode == 0, sample.ToString());
        }
    }

    public string Root { get; }

    public string Base => Path.Join(Root, "base");

    public string Aligned => Path.Join(Root, "aligned");

    public string Output => Path.Join(Root, "out");

    /// <summary>The arguments of a merge of the sample pair into <see cref="Output"/>.</summary>
    public string[] Merge(params string[] more) => MergeWith("0.3", more);

    public string[] MergeWith(string alpha, params string[] more) =>
        ["merge", "--base", Base, "--aligned", Aligned, "--alpha", alpha, "--out", Output, "--json", .. more];

    public string PathOf(string name) => Path.Join(Root, name);

    /// <summary>SHA-256 of every file below a directory, by relative path.</summary>
    public static SortedDictionary<string, string> Digests(string directory)
    {
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            using FileStream stream = File.OpenRead(file);
            digests[Path.GetRelativePath(directory, file)] = Convert.ToHexString(SHA256.HashData(stream));
        }

        return digests;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
