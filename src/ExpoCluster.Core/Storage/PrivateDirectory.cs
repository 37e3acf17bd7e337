using System.Runtime.InteropServices;

namespace ExpoCluster.Core.Storage;

/// <summary>A directory that belongs to this process's user, and that nobody else may enter.</summary>
public static class PrivateDirectory
{
    private const UnixFileMode ForOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes it where it is missing; else sees whose it is.</summary>
    /// <returns>Null when it is this user's alone; otherwise why not, as half a sentence.</returns>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be made.</exception>
    public static string? Make(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            // Below a user's profile it has the profile's rights.
            Directory.CreateDirectory(path);
            return null;
        }

        Directory.CreateDirectory(path, ForOwner);
        if (OperatingSystem.IsLinux() && OwnerOf(path) is { } owner && owner != Posix.EffectiveUser())
        {
            return $"belongs to another user ({owner})";
        }

        UnixFileMode mode = File.GetUnixFileMode(path);
        return (mode & ~ForOwner) == 0 ? null : $"can be entered by others (mode {Convert.ToString((int)mode, toBase: 8)})";
    }

    private static uint OwnerOf(string path) => Posix.Statx(Posix.CurrentDirectory, path, flags: 0, Posix.BasicStats, out Posix.FileStatus status) == 0
        ? status.User
        : throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), path, "read its status");
}
