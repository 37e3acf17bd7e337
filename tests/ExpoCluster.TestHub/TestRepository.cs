using System.Security.Cryptography;
using System.Text;

namespace ExpoCluster.TestHub;

/// <summary>A model of the test Hub, with one commit that its branches lead to.</summary>
public sealed class TestRepository
{
    private readonly HashSet<string> commits = new(StringComparer.Ordinal);

    public TestRepository(string name)
    {
        Name = name;
        Commit = ShaOf(name);
        Refs["main"] = Commit;
        commits.Add(Commit);
    }

    public string Name { get; }

    /// <summary>The commit that all files are of.</summary>
    public string Commit { get; private set; }

    /// <summary>Branches and tags.</summary>
    public Dictionary<string, string> Refs { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, TestFile> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Seen by those with the token only; null for a public one.</summary>
    public string? Token { get; init; }

    /// <summary>The licence has not been accepted by anybody but the token's owner.</summary>
    public bool IsGated { get; init; }

    public bool IsDisabled { get; init; }

    public TestRepository With(string path, TestFile file)
    {
        Files[path] = file;
        return this;
    }

    /// <summary>Every file below a directory.</summary>
    public TestRepository WithDirectory(string directory, bool isHashed = true)
    {
        foreach (string path in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            Files[Path.GetRelativePath(directory, path).Replace('\\', '/')] = TestFile.OfDisk(path, isHashed);
        }

        return this;
    }

    /// <summary>A new commit, which main leads to.</summary>
    public void Push(string message)
    {
        Commit = ShaOf(Name + message);
        Refs["main"] = Commit;
        commits.Add(Commit);
    }

    /// <summary>The commit that a branch, a tag or a commit means; null when there is none. All commits have the same files.</summary>
    public string? Find(string revision) => commits.Contains(revision) ? revision : Refs.GetValueOrDefault(revision);

    public static string ShaOf(string text) => Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes(text)));
}
