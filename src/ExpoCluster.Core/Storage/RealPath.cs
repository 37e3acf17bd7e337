namespace ExpoCluster.Core.Storage;

/// <summary>Paths with every symbolic link on the way resolved, also where the end does not exist yet.</summary>
public static class RealPath
{
    private const int MaxLinks = 40;

    /// <summary>Absolute, without links, <c>.</c> or <c>..</c>; missing trailing parts are kept as they are written.</summary>
    public static string Of(string path) => Resolve(Path.GetFullPath(path), MaxLinks);

    /// <summary>True when <paramref name="path"/> is <paramref name="directory"/> or lies below it. Both must be real paths.</summary>
    public static bool IsInside(string path, string directory)
    {
        string prefix = directory.EndsWith(Path.DirectorySeparatorChar) ? directory : directory + Path.DirectorySeparatorChar;
        return path == directory || path.StartsWith(prefix, StringComparison.Ordinal);
    }

    private static string Resolve(string fullPath, int linksLeft)
    {
        string? parent = Path.GetDirectoryName(fullPath);
        if (parent is null)
        {
            return fullPath;
        }

        string path = Path.Join(Resolve(parent, linksLeft), Path.GetFileName(fullPath));
        string? target = new FileInfo(path).LinkTarget;
        if (target is null)
        {
            return path;
        }

        if (linksLeft == 0)
        {
            throw new StorageException(StorageException.NotWritable, $"{path}: too many symbolic links.", "remove the loop of links.");
        }

        return Resolve(Path.GetFullPath(target, Path.GetDirectoryName(path)!), linksLeft - 1);
    }
}
