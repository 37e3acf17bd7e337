using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors.Files;

/// <summary>The one way to open a file that a stranger may have put where it is.</summary>
/// <remarks>
/// Only regular files are opened, and nothing is waited for: a pipe without a writer, a device without an end or a file that the
/// kernel makes up would hang the caller, fill its memory, or tell what is nobody's business. What is read whole has a bound.
/// Elsewhere than on Linux pipes are told from files only after they were opened.
/// </remarks>
public static class RegularFile
{
    private const int ErrorNotPermitted = 1;
    private const int ErrorMissing = 2;
    private const int ErrorNoDevice = 6;
    private const int ErrorDenied = 13;
    private const int ErrorNotADirectory = 20;

    private const int FirstBufferBytes = 4096;

    /// <summary>Opens for reading. Takes no lock: whoever owns the file may write, replace or remove it.</summary>
    /// <exception cref="NotRegularFileException">Something else has this name.</exception>
    /// <exception cref="IOException">It is missing, or cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not read it.</exception>
    public static SafeFileHandle OpenToRead(string path) => OperatingSystem.IsLinux()
        ? Open(path, FileKind.ReadOnly)
        : Seekable(path, File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));

    /// <summary>Opens a file of our own for reading and writing, without a lock, and makes it where it is missing and should be made.</summary>
    /// <remarks>A link in its place is not followed (on Linux): whoever put it there wants something else written over.</remarks>
    /// <exception cref="NotRegularFileException">Something else has this name.</exception>
    /// <exception cref="IOException">It is missing, or cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write it.</exception>
    public static SafeFileHandle OpenToWrite(string path, bool create) => OperatingSystem.IsLinux()
        ? Open(path, FileKind.ReadWrite | FileKind.NoFollow | (create ? FileKind.Create : 0))
        : Seekable(path, File.OpenHandle(
            path, create ? FileMode.OpenOrCreate : FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));

    /// <summary>The whole content.</summary>
    /// <param name="path">Of the file.</param>
    /// <param name="maxBytes">More than any file of its kind has.</param>
    /// <exception cref="FileTooLongException">It has more, or does not end.</exception>
    /// <exception cref="IOException">As for <see cref="OpenToRead"/>.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not read it.</exception>
    public static byte[] ReadBytes(string path, int maxBytes)
    {
        using SafeFileHandle file = OpenToRead(path);
        long length = RandomAccess.GetLength(file);
        if (length > maxBytes)
        {
            throw new FileTooLongException(maxBytes);
        }

        // As long as it should be, for a file of a quarter of a gigabyte is not to be copied once more; whether it ends there is seen behind it.
        byte[] content = new byte[length];
        int filled = 0;
        Span<byte> behind = stackalloc byte[1];
        while (true)
        {
            if (filled == content.Length)
            {
                if (RandomAccess.Read(file, behind, filled) == 0)
                {
                    return content;
                }

                if (filled == maxBytes)
                {
                    throw new FileTooLongException(maxBytes);
                }

                Array.Resize(ref content, (int)Math.Min(Math.Max(2L * content.Length, FirstBufferBytes), maxBytes));
            }

            int count = RandomAccess.Read(file, content.AsSpan(filled), filled);
            if (count == 0)
            {
                return content[..filled];
            }

            filled += count;
        }
    }

    /// <summary>The whole content as text: UTF-8, or what a byte-order mark says.</summary>
    /// <inheritdoc cref="ReadBytes" path="/exception"/>
    public static string ReadText(string path, int maxBytes)
    {
        using var reader = new StreamReader(new MemoryStream(ReadBytes(path, maxBytes)));
        return reader.ReadToEnd();
    }

    // A device may do something when it is opened, so its kind is looked at before; and after, for somebody may have put it there meanwhile.
    private static SafeFileHandle Open(string path, int flags)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new FileNotFoundException($"{path}: no file has such a name.", path);
        }

        if (FileKind.Trouble(path) is { } trouble)
        {
            throw new NotRegularFileException(trouble);
        }

        int descriptor = FileKind.OpenAtOnce(path, flags);
        if (descriptor < 0)
        {
            throw Refusal(path, Marshal.GetLastPInvokeError());
        }

        var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (FileKind.Trouble(file) is { } found)
        {
            file.Dispose();
            throw new NotRegularFileException(found);
        }

        FileKind.MakeBlocking(file, flags);
        return file;
    }

    private static Exception Refusal(string path, int errno)
    {
        string why = $"{path}: {Marshal.GetPInvokeErrorMessage(errno)}.";
        return errno switch
        {
            ErrorMissing => new FileNotFoundException(why, path),
            ErrorNotADirectory => new DirectoryNotFoundException(why),
            ErrorDenied or ErrorNotPermitted => new UnauthorizedAccessException(why),
            ErrorNoDevice => new NotRegularFileException("a device or a socket"),
            _ => new IOException(why, errno),
        };
    }

    private static SafeFileHandle Seekable(string path, SafeFileHandle file)
    {
        try
        {
            _ = RandomAccess.GetLength(file);
            return file;
        }
        catch (NotSupportedException)
        {
            file.Dispose();
            throw new NotRegularFileException("a pipe or a device");
        }
    }
}
