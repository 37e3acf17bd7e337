using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>Makes what was written survive a power cut, and names change in one step.</summary>
public static class Durability
{
    private const string Unfinished = ".unfinished";

    private const int MaxNameBytes = 255;

    /// <summary>fdatasync(2): the file's bytes, and of its metadata what is needed to read them.</summary>
    internal static void FlushData(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }

        if (Posix.Fdatasync(file) != 0)
        {
            throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), path, "make its data durable");
        }
    }

    /// <summary>fsync(2) of a file that was just written and will be renamed.</summary>
    internal static void FlushAll(SafeFileHandle file, string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }

        if (Posix.Fsync(file) != 0)
        {
            throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), path, "make it durable");
        }
    }

    /// <summary>fsync(2) of a directory, so that names made, moved or removed in it last.</summary>
    public static void FlushDirectory(string path)
    {
        // Windows has no such call: NTFS journals its names.
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using SafeFileHandle directory = Posix.OpenDirectoryHandle(path);
        if (Posix.Fsync(directory) != 0)
        {
            throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), path, "make its names durable");
        }
    }

    /// <summary>Creates the directory with its missing parents and makes each new name durable.</summary>
    public static void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        string parent = Path.GetDirectoryName(path) ?? throw new ArgumentException("A root always exists.", nameof(path));
        CreateDirectory(parent);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, path, "create the directory");
        }

        FlushDirectory(parent);
    }

    /// <summary>rename(2), replacing what is there, then fsync of the directories on both sides.</summary>
    public static void Rename(string from, string to)
    {
        Move(from, to);
        FlushMoved([(from, to)]);
    }

    /// <summary>rename(2) alone, replacing what is there: <see cref="FlushMoved"/> makes it last.</summary>
    public static void Move(string from, string to)
    {
        if (OperatingSystem.IsWindows())
        {
            File.Move(from, to, overwrite: true);
        }
        else if (Posix.Rename(from, to) != 0)
        {
            throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), to, $"move {from} there");
        }
    }

    /// <summary>fsync of the directories on both sides of renames, those that the names are in now first.</summary>
    internal static void FlushMoved(IReadOnlyCollection<(string From, string To)> moves)
    {
        foreach (string directory in moves.Select(move => Path.GetDirectoryName(move.To)!)
            .Concat(moves.Select(move => Path.GetDirectoryName(move.From)!))
            .Distinct(StringComparer.Ordinal))
        {
            FlushDirectory(directory);
        }
    }

    /// <summary>Writes a small file so that it is there whole or not at all, and durable when this returns.</summary>
    public static void WriteWhole(string path, ReadOnlySpan<byte> content) => WriteWhole(path, content, UnfinishedNameOf(path));

    /// <summary>The same for a file that others may write at the same moment: the last one counts.</summary>
    public static void WriteShared(string path, ReadOnlySpan<byte> content) => WriteWhole(path, content, $"{path}.{Guid.NewGuid():N}{Unfinished}");

    /// <summary>Writes a file into a directory that counts only when all of it is there; the caller makes the directory's names durable.</summary>
    /// <exception cref="StorageException">It cannot be written, or something has that name.</exception>
    internal static void WriteNew(string path, ReadOnlySpan<byte> content)
    {
        try
        {
            WriteFresh(path, content);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, path, "write it");
        }
    }

    // A name may be as long as names can be, and then nothing goes behind it.
    private static string UnfinishedNameOf(string path)
    {
        string name = Path.GetFileName(path) + Unfinished;
        return Encoding.UTF8.GetByteCount(name) <= MaxNameBytes
            ? path + Unfinished
            : Path.Join(Path.GetDirectoryName(path), $".{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))}{Unfinished}");
    }

    private static void WriteFresh(string path, ReadOnlySpan<byte> content)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        RandomAccess.Write(file, content, fileOffset: 0);
        FlushAll(file, path);
    }

    private static void WriteWhole(string path, ReadOnlySpan<byte> content, string unfinished)
    {
        try
        {
            // Whatever has that name, a crash's leftovers or a stranger's link or pipe, is not written to.
            File.Delete(unfinished);
            WriteFresh(unfinished, content);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            RemoveUnfinished(unfinished);
            throw StorageException.From(exception, path, "write it");
        }

        try
        {
            Rename(unfinished, path);
        }
        catch (StorageException)
        {
            RemoveUnfinished(unfinished);
            throw;
        }
    }

    // The error that led here is the one to report; a file that cannot be removed either is only litter.
    private static void RemoveUnfinished(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }
}
