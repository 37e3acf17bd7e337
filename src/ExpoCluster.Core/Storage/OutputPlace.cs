namespace ExpoCluster.Core.Storage;

/// <summary>Whether a path can be an output directory at all, whatever is in it: nothing is opened, and nothing is waited for.</summary>
public static class OutputPlace
{
    // The temporary names of the token's file begin with its own.
    private static readonly string[] OwnBeginnings = [OutputPaths.StorageTokenName, OutputPaths.ProvenanceName];

    /// <summary>Throws unless the output and everything on the way to it is a directory, or is not there yet.</summary>
    /// <exception cref="StorageException">A file, a pipe, a socket or a device has one of the names.</exception>
    public static void Demand(OutputPaths output)
    {
        for (string? place = output.Root; place is not null; place = Path.GetDirectoryName(place))
        {
            if (PathStatus.Of(place) is { } status)
            {
                if (!status.IsDirectory)
                {
                    throw StorageException.NoDirectory(place, output.Root, status.Kind);
                }

                return;
            }

            // Elsewhere than on Linux.
            if (File.Exists(place))
            {
                throw StorageException.NoDirectory(place, output.Root, "a regular file");
            }
        }
    }

    /// <summary>The first symbolic link on the way to a path that leads to nothing; null where there is none.</summary>
    /// <param name="path">Absolute, as it was given: its links are not resolved.</param>
    public static string? FindDanglingLink(string path)
    {
        string? found = null;
        for (string? place = Path.GetFullPath(path); place is not null && FileIdentity.Of(place) is null; place = Path.GetDirectoryName(place))
        {
            found = new FileInfo(place).LinkTarget is null ? found : place;
        }

        return found;
    }

    /// <summary>A name on the way to an output that the program itself gives to something else; null where there is none.</summary>
    public static string? FindOwnName(OutputPaths output) => output.Root
        .Split(Path.DirectorySeparatorChar)
        .FirstOrDefault(name => OwnBeginnings.Any(own => name == own || (name.StartsWith(own + ".", StringComparison.Ordinal) && name.EndsWith(".unfinished", StringComparison.Ordinal))));
}
