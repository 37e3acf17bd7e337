using System.Globalization;

namespace ExpoCluster.EndToEnd;

/// <summary>A limit of memory as pods have it: a cgroup of the kernel's, of version 1 or 2, which takes root. The page cache counts in it.</summary>
internal sealed class MemoryCgroup : IDisposable
{
    private const string Version1 = "/sys/fs/cgroup/memory";
    private const string Version2 = "/sys/fs/cgroup";

    private readonly string directory;

    public MemoryCgroup(long limitBytes)
    {
        bool isFirst = IsVersion1;
        directory = Path.Join(isFirst ? Version1 : Version2, string.Create(CultureInfo.InvariantCulture, $"expocluster-{Environment.ProcessId}-{limitBytes}"));
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Join(directory, isFirst ? "memory.limit_in_bytes" : "memory.max"), limitBytes.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Why there can be none here; null where there can.</summary>
    public static string? Missing => IsVersion1 || IsVersion2 ? null : "no memory cgroup may be made here";

    /// <summary>The most that was charged to it so far, in bytes.</summary>
    public long PeakBytes => long.Parse(
        File.ReadAllText(Path.Join(directory, IsVersion1 ? "memory.max_usage_in_bytes" : "memory.peak")), CultureInfo.InvariantCulture);

    /// <summary>A shell's command that moves the shell, and what it starts, into it.</summary>
    public string Entrance => $"echo $$ > '{Path.Join(directory, "cgroup.procs")}'";

    private static bool IsVersion1 => Environment.UserName == "root" && File.Exists(Path.Join(Version1, "memory.limit_in_bytes"));

    private static bool IsVersion2 => Environment.UserName == "root"
        && File.Exists(Path.Join(Version2, "cgroup.subtree_control"))
        && File.ReadAllText(Path.Join(Version2, "cgroup.subtree_control")).Split().Contains("memory");

    public void Dispose() => Directory.Delete(directory);
}
