namespace ExpoCluster.Core.Storage;

/// <summary>Whether a path can be an output directory at all, whatever is in it: nothing is opened, and nothing is waited for.</summary>
public static class OutputPlace
{
    private const int TypeMask = 0xF000;
    private const int DirectoryType = 0x4000;

    // The temporary names of the token's file begin with its own.
    private static readonly string[] OwnBeginnings = [OutputPaths.StorageTokenName, OutputPaths.ProvenanceName];

    /// <summary>Throws unless the output and everything on the way to it is a directory, or is not there yet.</summary>
    /// <exception cref="StorageException">A file, a pipe, a socket or a device has one of the names.</exception>
    public static void Demand(OutputPaths output)
    {
        for (string? place = output.Root; place is not null; place = Path.GetDirectoryName(place))
        {
            switch (TypeOf(place))
            {
                case DirectoryType:
                    return;
                case { } other:
                    throw StorageException.NoDirectory(place, output.Root, NameOf(other));
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

    // Null when nothing is there, or it may not be seen: then what is above it may be.
    private static int? TypeOf(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            int result = Posix.Statx(Posix.CurrentDirectory, path, Posix.NoFollow, Posix.BasicStats, out Posix.FileStatus status);
            return result == 0 ? status.Mode & TypeMask : null;
        }

        return Directory.Exists(path) ? DirectoryType : File.Exists(path) ? 0 : null;
    }

    private static string NameOf(int type) => type switch
    {
        0x1000 => "a named pipe",
        0x2000 or 0x6000 => "a device",
        0xA000 => "a symbolic link",
        0xC000 => "a socket",
        _ => "a file",
    };
}
