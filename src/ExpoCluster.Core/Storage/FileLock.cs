using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>A lock that dies with its process, as other programs take it too: <c>flock</c> on a file made for it.</summary>
internal sealed class FileLock : IDisposable
{
    private readonly SafeFileHandle handle;

    private FileLock(SafeFileHandle handle) => this.handle = handle;

    /// <summary>Null while somebody else has it.</summary>
    /// <exception cref="StorageException">The file cannot be made.</exception>
    public static FileLock? TryAcquire(string path)
    {
        while (true)
        {
            Durability.CreateDirectory(Path.GetDirectoryName(path)!);
            if (TryLock(path) is not { } handle)
            {
                return null;
            }

            // Some programs remove the file when they let go of it: then this lock is on a file that nobody else will see.
            if (FileIdentity.Of(path) is { } named && named.Inode == FileIdentity.Of(handle, path).Inode)
            {
                return new FileLock(handle);
            }

            handle.Dispose();
        }
    }

    public void Dispose() => handle.Dispose();

    private static SafeFileHandle? TryLock(string path) => OperatingSystem.IsLinux() ? TryFlock(path) : TryExclusively(path);

    private static SafeFileHandle? TryFlock(string path)
    {
        SafeFileHandle handle = Posix.OpenOrCreate(path);
        if (Posix.Flock(handle, Posix.LockExclusive | Posix.LockNonBlocking) == 0)
        {
            return handle;
        }

        int errno = Marshal.GetLastPInvokeError();
        handle.Dispose();
        return errno == Posix.ErrorWouldBlock ? null : throw StorageException.FromErrno(errno, path, "lock it");
    }

    private static SafeFileHandle? TryExclusively(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
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
