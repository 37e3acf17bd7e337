using System.Globalization;

namespace ExpoCluster.EndToEnd;

/// <summary>What a process listens at, as the kernel has it (and <c>ss -ltnp</c> shows it).</summary>
internal static class Listening
{
    private const string ListenState = "0A";

    /// <summary>TCP ports, of IPv4 and IPv6.</summary>
    public static int[] PortsOf(int process)
    {
        HashSet<string> own = [.. Directory.EnumerateFileSystemEntries($"/proc/{process}/fd").Select(InodeOf).OfType<string>()];
        return
        [
            .. new[] { "tcp", "tcp6" }
                .SelectMany(protocol => File.ReadLines($"/proc/{process}/net/{protocol}").Skip(1))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(words => words[3] == ListenState && own.Contains(words[9]))
                .Select(words => int.Parse(words[1].Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
        ];
    }

    private static string? InodeOf(string descriptor) =>
        new FileInfo(descriptor).LinkTarget is { } target && target.StartsWith("socket:[", StringComparison.Ordinal) ? target[8..^1] : null;
}
