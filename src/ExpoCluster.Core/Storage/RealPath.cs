namespace ExpoCluster.Core.Storage;

/// <summary>Paths with every symbolic link on the way resolved, also where the end does not exist yet.</summary>
public static class RealPath
{
    private const int MaxLinks = 40;

    private static readonly char[] Separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];

    /// <summary>Absolute, without links, <c>.</c> or <c>..</c>; missing trailing parts are kept as they are written.</summary>
    public static string Of(string path) => Resolve(Path.GetFullPath(path));

    /// <summary>True when <paramref name="path"/> is <paramref name="directory"/> or lies below it. Both must be real paths.</summary>
    public static bool IsInside(string path, string directory)
    {
        string prefix = directory.EndsWith(Path.DirectorySeparatorChar) ? directory : directory + Path.DirectorySeparatorChar;
        return path == directory || path.StartsWith(prefix, StringComparison.Ordinal);
    }

    // Name by name, as the kernel does it: ".." in a link leads out of where the names before it lead to.
    private static string Resolve(string fullPath)
    {
        string path = Path.GetPathRoot(fullPath)!;
        var ahead = new Stack<string>();
        Push(ahead, fullPath[path.Length..]);
        int linksLeft = MaxLinks;
        while (ahead.TryPop(out string? name))
        {
            if (name == "..")
            {
                path = Path.GetDirectoryName(path) ?? path;
                continue;
            }

            string next = Path.Join(path, name);
            string? target = new FileInfo(next).LinkTarget;
            if (target is null)
            {
                path = next;
                continue;
            }

            if (linksLeft-- == 0)
            {
                throw new StorageException(StorageException.NotWritable, $"{next}: too many symbolic links.", "remove the loop of links.");
            }

            string root = Path.GetPathRoot(target)!;
            path = root.Length > 0 ? root : path;
            Push(ahead, target[root.Length..]);
        }

        return path;
    }

    private static void Push(Stack<string> ahead, string names)
    {
        foreach (string name in names.Split(Separators, StringSplitOptions.RemoveEmptyEntries).Reverse().Where(name => name != "."))
        {
            ahead.Push(name);
        }
    }
}
