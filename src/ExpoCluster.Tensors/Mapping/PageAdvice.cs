using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors.Mapping;

/// <summary>What Linux tells and takes about the pages of a mapping: mincore(2), madvise(2) and posix_fadvise(2).</summary>
internal static unsafe partial class PageAdvice
{
    private const int WillNeed = 3;
    private const int DontNeed = 4;

    // One byte for each page of this is asked for at once, on the stack.
    private const int AskedPages = 4096;

    // The kernel brings no more at one request, whatever was asked for.
    private const long RequestBytes = 1 << 20;

    /// <summary>How many bytes of the range are in pages that memory holds; all, where the system does not tell.</summary>
    /// <param name="start">On a page boundary.</param>
    /// <param name="length">Bytes.</param>
    public static long ResidentBytes(byte* start, long length)
    {
        if (!OperatingSystem.IsLinux())
        {
            return length;
        }

        long resident = 0;
        byte* pages = stackalloc byte[AskedPages];
        for (long done = 0; done < length; done += (long)AskedPages * Environment.SystemPageSize)
        {
            long asked = Math.Min(length - done, (long)AskedPages * Environment.SystemPageSize);
            if (MinCore(start + done, (nuint)asked, pages) != 0)
            {
                return length;
            }

            for (long page = 0; page * Environment.SystemPageSize < asked; page++)
            {
                resident += (pages[page] & 1) * Environment.SystemPageSize;
            }
        }

        return Math.Min(resident, length);
    }

    /// <summary>Has the range read from its file, without waiting for the last of it.</summary>
    public static void Bring(byte* start, long length)
    {
        for (long done = 0; done < length && OperatingSystem.IsLinux(); done += RequestBytes)
        {
            _ = MAdvise(start + done, (nuint)Math.Min(RequestBytes, length - done), WillNeed);
        }
    }

    /// <summary>Gives the range's memory back at once, but for pages that other processes have mapped.</summary>
    /// <param name="file">Of which the range is mapped.</param>
    /// <param name="offset">Of the range in the file.</param>
    /// <param name="start">Of the range in memory.</param>
    /// <param name="length">Bytes.</param>
    public static void Release(SafeFileHandle file, long offset, byte* start, long length)
    {
        if (OperatingSystem.IsLinux())
        {
            // What is mapped here would stay.
            _ = MAdvise(start, (nuint)length, DontNeed);
            _ = FAdvise(file, offset, length, DontNeed);
        }
    }

    [LibraryImport("libc", EntryPoint = "mincore")]
    private static partial int MinCore(byte* start, nuint length, byte* pages);

    // Advice that is not taken costs time, no bytes; so nobody asks how it went.
    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(byte* start, nuint length, int advice);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int FAdvise(SafeFileHandle file, long offset, long length, int advice);
}
