using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>Which file this is (device and inode), how long, and when its bytes and when anything of it were last changed.</summary>
/// <param name="Device">Device number; equal on both sides of a bind mount.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="ByteLength">Bytes.</param>
/// <param name="ModifiedUnixNanoseconds">Nanoseconds since 1970, UTC.</param>
public readonly record struct FileIdentity(ulong Device, ulong Inode, long ByteLength, long ModifiedUnixNanoseconds)
{
    /// <summary>When bytes, permissions, names or times were last changed, as no program can set it; 0 where the system does not tell.</summary>
    public long ChangedUnixNanoseconds { get; init; }

    /// <summary>Null when nothing is there (or it may not be seen). Links are followed.</summary>
    public static FileIdentity? Of(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            int result = Posix.Statx(Posix.CurrentDirectory, path, flags: 0, Posix.BasicStats, out Posix.FileStatus status);
            return result == 0 ? From(status) : null;
        }

        return OfPortable(path);
    }

    /// <summary>What has become of an open file's name: null while it is still that file's, or while that cannot be found out.</summary>
    internal static string? FindDisplacement(SafeFileHandle file, string path)
    {
        if (Of(path) is { } there)
        {
            return there.Inode == Of(file, path).Inode ? null : "something else was put in its place";
        }

        bool isGone = !OperatingSystem.IsLinux() || Marshal.GetLastPInvokeError() is Posix.ErrorNoEntry or Posix.ErrorNoDirectory;
        return isGone ? "it was moved or removed" : null;
    }

    internal static FileIdentity Of(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return OfPortable(path) ?? throw new StorageException(
                StorageException.Vanished, $"{path}: is gone.", "restore it, or start over with --restart.");
        }

        int result = Posix.StatxHandle(file, "", Posix.EmptyPath, Posix.BasicStats, out Posix.FileStatus status);
        return result == 0
            ? From(status)
            : throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), path, "read its status");
    }

    private static FileIdentity From(in Posix.FileStatus status) => new(
        ((ulong)status.DeviceMajor << 32) | status.DeviceMinor,
        status.Inode,
        checked((long)status.ByteLength),
        (status.ModifiedSeconds * 1_000_000_000) + status.ModifiedNanoseconds)
    {
        ChangedUnixNanoseconds = (status.ChangedSeconds * 1_000_000_000) + status.ChangedNanoseconds,
    };

    // Without inodes the full path stands for the file.
    private static FileIdentity? OfPortable(string path)
    {
        FileSystemInfo? info = File.Exists(path) ? new FileInfo(path) : Directory.Exists(path) ? new DirectoryInfo(path) : null;
        if (info is null)
        {
            return null;
        }

        string full = (info.ResolveLinkTarget(returnFinalTarget: true) ?? info).FullName;
        ulong name = System.IO.Hashing.XxHash64.HashToUInt64(System.Text.Encoding.UTF8.GetBytes(full.ToUpper(CultureInfo.InvariantCulture)));
        long modified = (info.LastWriteTimeUtc - DateTime.UnixEpoch).Ticks * 100;
        return new FileIdentity(0, name, info is FileInfo file ? file.Length : 0, modified);
    }
}
