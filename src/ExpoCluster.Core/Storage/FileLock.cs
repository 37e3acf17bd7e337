using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>A lock that dies with its process, as other programs take it too: <c>flock</c> on a file made for it.</summary>
internal sealed class FileLock : IDisposable
{
    private FileLock(SafeFileHandle handle) => Handle = handle;

    /// <summary>The locked file, to read and write.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Null while somebody else has it.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="isRemovedByHolder">Whoever has the lock may remove the file before letting go of it.</param>
    /// <param name="taken">Shown the file of whoever has it, where the operating system lets others read it.</param>
    /// <exception cref="StorageException">The file cannot be made.</exception>
    public static FileLock? TryAcquire(string path, bool isRemovedByHolder = false, Action<SafeFileHandle>? taken = null)
    {
        while (true)
        {
            string directory = Path.GetDirectoryName(path)!;
            Durability.CreateDirectory(directory);
            PlainFile.DemandDirectory(directory);
            PlainFile.Demand(path);
            if ((OperatingSystem.IsLinux() ? TryFlock(path, taken) : TryExclusively(path, isRemovedByHolder)) is not { } handle)
            {
                return null;
            }

            // Whoever had it may have removed the file between our opening and locking it: then nobody else will see this lock.
            if (FileIdentity.Of(path) is { } named && named.Inode == FileIdentity.Of(handle, path).Inode)
            {
                return new FileLock(handle);
            }

            handle.Dispose();
        }
    }

    public void Dispose() => Handle.Dispose();

    // File.OpenHandle takes locks of its own on Linux, and then nobody could read what the holder wrote.
    private static SafeFileHandle? TryFlock(string path, Action<SafeFileHandle>? taken)
    {
        SafeFileHandle handle = OpenOrCreate(path);
        if (Posix.Flock(handle, Posix.LockExclusive | Posix.LockNonBlocking) == 0)
        {
            return handle;
        }

        int errno = Marshal.GetLastPInvokeError();
        using (handle)
        {
            taken?.Invoke(handle);
        }

        return errno == Posix.ErrorWouldBlock ? null : throw StorageException.FromErrno(errno, path, "lock it");
    }

    private static SafeFileHandle OpenOrCreate(string path)
    {
        try
        {
            return RegularFile.OpenToWrite(path, create: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, path, "open it");
        }
    }

    // Elsewhere than on Windows only FileShare.None excludes others, and a file may always be removed.
    private static SafeFileHandle? TryExclusively(string path, bool isRemovedByHolder)
    {
        FileShare share = isRemovedByHolder && OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, path, "lock it");
        }
    }
}
