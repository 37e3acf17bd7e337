using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Core.Storage;

/// <summary>What may lie under a name of the merge's own in an output directory: a file or directory of that place, and nothing that leads elsewhere.</summary>
/// <remarks>A link there would have us write over what it leads to, and a pipe or a device would have us wait for ever.</remarks>
public static class PlainFile
{
    /// <summary>Throws unless nothing is there, or a regular file that has no other name: it may be written to.</summary>
    /// <exception cref="StorageException">Something else is.</exception>
    public static void Demand(string path)
    {
        if (DemandRegular(path) is { Links: > 1 })
        {
            throw StorageException.NotPlainFile(path, "has another name too (a hard link), under which it would be changed as well");
        }
    }

    /// <summary>Throws unless nothing or a regular file is there: it may be replaced by a rename.</summary>
    /// <exception cref="StorageException">Something else is.</exception>
    public static void DemandReplaceable(string path) => DemandRegular(path);

    /// <summary>Throws unless nothing or a directory is there.</summary>
    /// <exception cref="StorageException">Something else is.</exception>
    public static void DemandDirectory(string path)
    {
        if (OperatingSystem.IsLinux() ? PathStatus.Of(path) is { IsDirectory: false } : IsLink(path) || File.Exists(path))
        {
            throw StorageException.NotPlainFile(path, IsLink(path) ? StorageException.ThroughLink : "is no directory");
        }
    }

    /// <summary>The bytes of a file that we wrote; what is no regular file, or far too long, is not read.</summary>
    /// <exception cref="StorageException">It is no regular file.</exception>
    /// <exception cref="IOException">It is longer, or cannot be read.</exception>
    public static byte[] Read(string path, int maxBytes)
    {
        DemandReplaceable(path);
        return RegularFile.ReadBytes(path, maxBytes);
    }

    // Null when nothing is there, or it may not be seen: whoever opens it will say so.
    private static PathStatus? DemandRegular(string path)
    {
        PathStatus? status = PathStatus.Of(path);
        if (OperatingSystem.IsLinux() ? status is { IsRegular: false } : IsLink(path) || Directory.Exists(path))
        {
            throw StorageException.NotPlainFile(path, IsLink(path) ? StorageException.ThroughLink : "is no regular file");
        }

        return status;
    }

    private static bool IsLink(string path) => new FileInfo(path).LinkTarget is not null;
}
