using System.Globalization;

namespace ExpoCluster.Core.Storage;

/// <summary>What a limit of address space (<c>ulimit -v</c>, RLIMIT_AS) leaves to this process.</summary>
/// <remarks>A runtime that gets no address space ends without a word, or not at all. So it is asked for before, not met.</remarks>
public static class AddressSpace
{
    private const string Pages = "/proc/self/statm";

    /// <summary>Bytes that may still be mapped or allocated; null where there is no limit, or nobody can tell.</summary>
    public static long? FindLeft()
    {
        if (!OperatingSystem.IsLinux() || !Environment.Is64BitProcess
            || Posix.GetLimit(Posix.AddressSpaceLimit, out Posix.ResourceLimit limit) != 0 || limit.Current > long.MaxValue)
        {
            return null;
        }

        return Math.Max(0, (long)limit.Current - TakenBytes());
    }

    private static long TakenBytes()
    {
        try
        {
            string pages = File.ReadAllText(Pages).Split(' ')[0];
            return long.Parse(pages, CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException)
        {
            return 0;
        }
    }
}
