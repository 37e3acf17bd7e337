using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>What a writer finds where a staging file should be.</summary>
public enum StagingCondition
{
    Absent,

    /// <summary>Of another length, or with another header: not the file that the plan describes.</summary>
    Foreign,

    Sound,
}

/// <summary>An output file before it is published. It has its final length and header from the start.</summary>
public sealed class StagingFile : IDisposable
{
    /// <summary>Of the first staging file that is made for an output file.</summary>
    public const int FirstGeneration = 1;

    /// <summary>What offset, length and memory address of a direct write must be multiples of.</summary>
    public const int DirectAlignment = 4096;

    private readonly SafeFileHandle handle;
    private SafeFileHandle? direct;

    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int AdviceNotNeeded = 4;

    private StagingFile(string path, SafeFileHandle handle)
    {
        Path = path;
        this.handle = handle;
    }

    public string Path { get; }

    public long ByteLength => RandomAccess.GetLength(handle);

    /// <summary>Compares the file at <paramref name="path"/> with the length and header that the plan gives it.</summary>
    public static StagingCondition Inspect(string path, ReadOnlySpan<byte> header, long byteLength)
    {
        if (!File.Exists(path))
        {
            return StagingCondition.Absent;
        }

        using StagingFile file = Open(path);
        byte[] found = new byte[header.Length];
        bool sound = file.ByteLength == byteLength
            && file.Read(found, offset: 0) == header.Length
            && header.SequenceEqual(found);
        return sound ? StagingCondition.Sound : StagingCondition.Foreign;
    }

    /// <summary>Makes the file with its space reserved and its header in place, durable in all parts.</summary>
    /// <remarks>
    /// Never truncates. A file that is already there was left by a writer that died before it could report it, and is completed, or
    /// by a head start, which writes parts into it: then nothing is written here, for a page of the header holds elements too.
    /// </remarks>
    /// <exception cref="StorageException">No space, or not writable.</exception>
    public static void Create(string path, ReadOnlySpan<byte> header, long byteLength)
    {
        string directory = System.IO.Path.GetDirectoryName(path)!;
        Durability.CreateDirectory(directory);
        try
        {
            bool isMade = Inspect(path, header, byteLength) == StagingCondition.Sound;
            PlainFile.DemandDirectory(directory);
            PlainFile.Demand(path);
            using SafeFileHandle handle = RegularFile.OpenToWrite(path, create: true);
            if (!isMade)
            {
                Reserve(handle, path, byteLength);
                RandomAccess.Write(handle, header, fileOffset: 0);
            }

            Durability.FlushAll(handle, path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, path, "create the staging file");
        }

        Durability.FlushDirectory(directory);
    }

    /// <summary>Opens what a writer has made; never creates.</summary>
    public static StagingFile Open(string path)
    {
        PlainFile.Demand(path);
        try
        {
            return new StagingFile(path, RegularFile.OpenToWrite(path, create: false));
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new StorageException(
                StorageException.Vanished, $"{path}: the staging file is gone.", "run the same command again: its parts are computed anew.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageException.From(exception, path, "open the staging file");
        }
    }

    /// <summary>Opens for writing whole tiles past the page cache, where the file system can.</summary>
    /// <remarks>On virtual machines memory is slow at first touch, and a page cache full of output is of no use to anybody.</remarks>
    public static StagingFile OpenForTiles(string path)
    {
        StagingFile file = Open(path);
        file.direct = OperatingSystem.IsLinux() ? Posix.TryOpenDirect(path) : null;
        return file;
    }

    /// <summary>Writes the bytes at the offset; past the page cache when both allow it.</summary>
    public void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            bool isAligned = offset % DirectAlignment == 0 && bytes.Length % DirectAlignment == 0;
            if (direct is null || !isAligned || !TryWriteDirect(bytes, offset))
            {
                RandomAccess.Write(handle, bytes, offset);
            }
        }
        catch (IOException exception)
        {
            throw StorageException.From(exception, Path, $"write at offset {offset}");
        }
    }

    // Some file systems accept the flag and refuse the write; then everything goes through the page cache.
    private bool TryWriteDirect(ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            RandomAccess.Write(direct!, bytes, offset);
            return true;
        }
        catch (IOException exception) when ((exception.HResult & 0xFFFF) == Posix.ErrorInvalid)
        {
            direct!.Dispose();
            direct = null;
            return false;
        }
    }

    /// <summary>Fills the buffer from the offset on, or as much of it as the file has.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public int Read(Span<byte> buffer, long offset)
    {
        try
        {
            return RandomAccess.Read(handle, buffer, offset);
        }
        catch (IOException exception)
        {
            throw StorageException.From(exception, Path, $"read it back at offset {offset}");
        }
    }

    /// <summary>Throws unless this is still the file at its path, with the length that it has had from the start.</summary>
    /// <param name="byteLength">That length.</param>
    /// <exception cref="StorageException">Somebody has cut, moved, removed or replaced it: what was written is not where it was meant.</exception>
    public void Demand(long byteLength)
    {
        long found = ByteLength;
        if (found != byteLength)
        {
            throw StorageException.WasDisplaced(Path, $"the staging file was changed (expected {byteLength:N0} bytes, found {found:N0})");
        }

        if (FileIdentity.FindDisplacement(handle, Path) is { } what)
        {
            throw StorageException.WasDisplaced(Path, $"{what} (the staging file)");
        }
    }

    /// <summary>The stretches that the file system has no bytes for; none where it does not tell.</summary>
    /// <remarks>A stretch that was reserved and never written is one, and so may be zeros that were written, where they are compressed.</remarks>
    public IEnumerable<(long Begin, long End)> Holes()
    {
        long length = ByteLength;
        if (OperatingSystem.IsLinux())
        {
            // Pages that somebody has read from a stretch that was never written would pass for bytes of it.
            _ = Posix.Advise(handle, offset: 0, length: 0, AdviceNotNeeded);
        }

        for (long at = 0; OperatingSystem.IsLinux() && at < length;)
        {
            long begin = Posix.Seek(handle, at, SeekHole);
            if (begin < 0 || begin >= length)
            {
                yield break;
            }

            long data = Posix.Seek(handle, begin, SeekData);
            at = data < 0 ? length : data;
            yield return (begin, at);
        }
    }

    /// <summary>Makes everything written so far durable.</summary>
    public void Flush() => Durability.FlushData(handle, Path);

    public void Dispose()
    {
        direct?.Dispose();
        handle.Dispose();
    }

    // fallocate(2) itself: posix_fallocate's emulation would write the whole file.
    internal static void Reserve(SafeFileHandle handle, string path, long byteLength)
    {
        if (OperatingSystem.IsLinux())
        {
            int errno = Fallocate(handle, byteLength);
            if (errno == 0)
            {
                return;
            }

            if (errno is not (Posix.ErrorNotSupported or Posix.ErrorNotSupportedCall))
            {
                throw StorageException.FromErrno(errno, path, $"reserve {byteLength:N0} bytes");
            }
        }

        long free = FileSystemFacts.Of(path).FreeBytes;
        long missing = byteLength - RandomAccess.GetLength(handle);
        if (missing > free)
        {
            throw StorageException.TooSmall(path, missing, free);
        }

        if (missing > 0)
        {
            RandomAccess.SetLength(handle, byteLength);
        }
    }

    private static int Fallocate(SafeFileHandle handle, long byteLength)
    {
        while (Posix.Fallocate(handle, mode: 0, offset: 0, byteLength) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Posix.ErrorInterrupted)
            {
                return errno;
            }
        }

        return 0;
    }
}
