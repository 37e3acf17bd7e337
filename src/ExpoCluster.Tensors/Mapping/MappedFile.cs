using System.IO.MemoryMappedFiles;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors.Mapping;

/// <summary>A file mapped read-only into memory, released on <see cref="Dispose"/>.</summary>
public sealed unsafe class MappedFile : IDisposable
{
    // Null for an empty file, which cannot be mapped, and after Dispose.
    private MemoryMappedViewAccessor? view;
    private byte* start;
    private int disposed;

    private MappedFile(string path, long length, MemoryMappedViewAccessor? view)
    {
        Path = path;
        Length = length;
        this.view = view;
        if (view is not null)
        {
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            start += view.PointerOffset;
        }
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>Maps the whole file, whose length must be <paramref name="expectedLength"/>.</summary>
    /// <exception cref="TensorFileException">Missing, unreadable, or of another length.</exception>
    public static MappedFile Open(string path, long expectedLength)
    {
        using SafeFileHandle handle = ReadableFile.Open(path);
        return Open(handle, path, expectedLength);
    }

    /// <summary>The same of a file that is open; the mapping outlives the handle, which stays the caller's.</summary>
    /// <exception cref="TensorFileException">Of another length, or it cannot be mapped.</exception>
    public static MappedFile Open(SafeFileHandle handle, string path, long expectedLength)
    {
        long length = RandomAccess.GetLength(handle);
        if (length != expectedLength)
        {
            throw TensorFileRule.KeepsItsLength.Broken(path, expected: $"{expectedLength} bytes", found: $"{length} bytes");
        }

        return new MappedFile(path, length, length == 0 ? null : Map(handle, length, path));
    }

    /// <summary>The bytes [offset, offset + count). The span is valid until <see cref="Dispose"/>; reading it when the file
    /// was truncated meanwhile kills the process (SIGBUS).</summary>
    public ReadOnlySpan<byte> Span(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(disposed != 0, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - count);
        return new ReadOnlySpan<byte>(start + offset, count);
    }

    /// <summary>How many bytes of the range memory holds, so that reading them does not wait for the disk. Counted in pages.</summary>
    public long ResidentBytes(long offset, long count)
    {
        (long begin, long length) = PagesOf(offset, count);
        return PageAdvice.ResidentBytes(start + begin, length);
    }

    /// <summary>Has the range read from the disk, without waiting for the last of it.</summary>
    public void ReadAhead(long offset, long count)
    {
        (long begin, long length) = PagesOf(offset, count);
        PageAdvice.Bring(start + begin, length);
    }

    /// <summary>Gives the memory of the range back: whoever reads it next reads it from the disk.</summary>
    public void Release(long offset, long count)
    {
        (long begin, long length) = PagesOf(offset, count);
        try
        {
            using SafeFileHandle handle = RegularFile.OpenToRead(Path);
            PageAdvice.Release(handle, begin, start + begin, length);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // Nothing is lost but memory that the kernel takes back by itself.
        }
    }

    // Whole pages, the first and the last of which may hold something else too.
    private (long Begin, long Length) PagesOf(long offset, long count)
    {
        _ = Span(offset, count: 0);
        long begin = offset / Environment.SystemPageSize * Environment.SystemPageSize;
        return (begin, Math.Min(offset + count, Length) - begin);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
        {
            return;
        }

        if (view is not null)
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            view = null;
            start = null;
        }
    }

    private static MemoryMappedViewAccessor Map(SafeFileHandle handle, long length, string path)
    {
        try
        {
            // The view keeps the mapping alive by itself; the mapping object is not needed behind it.
            using var mapping = MemoryMappedFile.CreateFromFile(
                handle, mapName: null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw ReadableFile.Refusal(path, cause);
        }
    }
}
