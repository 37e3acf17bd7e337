namespace ExpoCluster.Core.Checkpoints;

/// <summary>Resolves every symbolic link of a path, so that one file has one name whichever way leads to it.</summary>
internal static class RealPath
{
    /// <summary>Linux gives up at the same number.</summary>
    private const int MaxLinks = 40;

    /// <param name="absolutePath">An absolute path; what does not exist is kept as it is spelled.</param>
    public static string Of(string absolutePath)
    {
        string resolved = Path.GetPathRoot(absolutePath)!;
        var segments = new Stack<string>(SegmentsOf(absolutePath).AsEnumerable().Reverse());
        int links = 0;
        while (segments.TryPop(out string? segment))
        {
            string next = Path.GetFullPath(Path.Combine(resolved, segment));
            string? target = links < MaxLinks ? TargetOf(next) : null;
            if (target is null)
            {
                resolved = next;
                continue;
            }

            links++;
            resolved = Path.IsPathRooted(target) ? Path.GetPathRoot(target)! : resolved;
            foreach (string followed in SegmentsOf(target).AsEnumerable().Reverse())
            {
                segments.Push(followed);
            }
        }

        return resolved;
    }

    private static string? TargetOf(string path) => new FileInfo(path).LinkTarget;

    private static string[] SegmentsOf(string path) =>
        path[Path.GetPathRoot(path)!.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
}
