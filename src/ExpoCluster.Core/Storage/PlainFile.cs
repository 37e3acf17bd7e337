using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Storage;

/// <summary>What may lie under a name of the merge's own in an output directory: a file or directory of that place, and nothing that leads elsewhere.</summary>
/// <remarks>A link there would have us write over what it leads to, and a pipe or a device would have us wait for ever.</remarks>
public static class PlainFile
{
    private const int TypeMask = 0xF000;
    private const int RegularType = 0x8000;
    private const int DirectoryType = 0x4000;
    private const int LinkType = 0xA000;

    /// <summary>Throws unless nothing is there, or a regular file that has no other name: it may be written to.</summary>
    /// <exception cref="StorageException">Something else is.</exception>
    public static void Demand(string path)
    {
        DemandReplaceable(path);
        if (OperatingSystem.IsLinux() && IsLinkedElsewhere(path))
        {
            throw StorageException.NotPlainFile(path, "has another name too (a hard link), under which it would be changed as well");
        }
    }

    /// <summary>Throws unless nothing or a regular file is there: it may be replaced by a rename.</summary>
    /// <exception cref="StorageException">Something else is.</exception>
    public static void DemandReplaceable(string path) => Demand(path, RegularType, "no regular file");

    /// <summary>Throws unless nothing or a directory is there.</summary>
    /// <exception cref="StorageException">Something else is.</exception>
    public static void DemandDirectory(string path) => Demand(path, DirectoryType, "no directory");

    /// <summary>The bytes of a file that we wrote; what is no regular file, or far too long, is not read.</summary>
    /// <exception cref="StorageException">It is no regular file.</exception>
    /// <exception cref="IOException">It is longer, or cannot be read.</exception>
    public static byte[] Read(string path, int maxBytes)
    {
        DemandReplaceable(path);
        return RegularFile.ReadBytes(path, maxBytes);
    }

    private static void Demand(string path, int wanted, string otherwise)
    {
        int? type = TypeOf(path);
        if (type is { } found && found != wanted)
        {
            throw StorageException.NotPlainFile(
                path, found == LinkType ? StorageException.ThroughLink : $"is {otherwise}");
        }
    }

    private static bool IsLinkedElsewhere(string path) =>
        Posix.Statx(Posix.CurrentDirectory, path, Posix.NoFollow, Posix.BasicStats, out Posix.FileStatus status) == 0 && status.Links > 1;

    // Null when nothing is there, or it may not be seen: whoever opens it will say so.
    private static int? TypeOf(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            int result = Posix.Statx(Posix.CurrentDirectory, path, Posix.NoFollow, Posix.BasicStats, out Posix.FileStatus status);
            return result == 0 ? status.Mode & TypeMask : null;
        }

        var file = new FileInfo(path);
        return file.LinkTarget is not null ? LinkType : file.Exists ? RegularType : Directory.Exists(path) ? DirectoryType : null;
    }
}
