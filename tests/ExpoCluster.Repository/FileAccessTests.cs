using System.Text.RegularExpressions;

namespace ExpoCluster.Repository;

/// <summary>Who may open files: whatever a stranger may have put in place is opened by <c>RegularFile</c> alone.</summary>
public sealed partial class FileAccessTests
{
    // What each of these opens was put there by whoever runs the program, by the program itself, or is written under a new name.
    private static readonly string[] Allowed =
    [
        "ExpoCluster.Core/Samples/", // writes samples into a directory that it makes
        "ExpoCluster.Core/Storage/Durability.cs", // writes under a name that must be new
        "ExpoCluster.Core/Storage/FileLock.cs", // where there is no flock
        "ExpoCluster.Core/Storage/FileSystemFacts.cs", // the kernel's table of mounts
        "ExpoCluster.Server/Credentials/", // makes secrets, and reads what it made
        "ExpoCluster.Server/Dashboard/DashboardAssets.cs", // resources of the assembly
        "ExpoCluster.Tensors/Files/RegularFile.cs", // the one
    ];

    [Fact]
    public void Nobody_else_opens_files()
    {
        IEnumerable<string> found =
            from source in Tree.Sources
            let name = Path.GetRelativePath(Path.Join(Tree.Root, "src"), source).Replace('\\', '/')
            where !Allowed.Any(allowed => name.StartsWith(allowed, StringComparison.Ordinal))
            from Match match in Opening().Matches(File.ReadAllText(source))
            select $"{name}: {match.Value}";

        Assert.Empty(found);
    }

    [Fact]
    public void Whoever_may_does_so()
    {
        Assert.All(Allowed, allowed => Assert.Contains(Tree.Sources, source =>
            Path.GetRelativePath(Path.Join(Tree.Root, "src"), source).Replace('\\', '/').StartsWith(allowed, StringComparison.Ordinal)
            && Opening().IsMatch(File.ReadAllText(source))));
    }

    [GeneratedRegex(@"\bFile\.(?:Read|Open|Copy|Write|Append|Create(?!SymbolicLink))\w*\(|\bnew (?:FileStream|StreamReader|StreamWriter)\(")]
    private static partial Regex Opening();
}
