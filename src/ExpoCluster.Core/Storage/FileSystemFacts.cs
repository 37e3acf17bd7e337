using System.Text;

namespace ExpoCluster.Core.Storage;

/// <summary>What kind of file system a path is on, and how much room is left there.</summary>
/// <param name="Kind">The kernel's name for it: <c>ext4</c>, <c>nfs4</c>, <c>fuse.s3fs</c> …; <c>unknown</c> where no mount table is.</param>
/// <param name="MountPoint">Where it is mounted.</param>
/// <param name="FreeBytes">What this user may still write.</param>
public sealed record FileSystemFacts(string Kind, string MountPoint, long FreeBytes)
{
    private const string MountTable = "/proc/self/mounts";

    private const int UsualNameBytes = 255;

    // They lack atomic rename, close-to-open consistency or an fdatasync that means it.
    private static readonly string[] Unsuitable = ["cifs", "smb3", "smbfs", "fuse.s3fs", "fuse.goofys", "fuse.gcsfuse", "fuse.rclone"];

    private static readonly string[] Network = ["nfs", "nfs4", "ceph", "lustre", "9p", "cifs", "smb3", "smbfs", "glusterfs", "beegfs", "gpfs"];

    private static readonly string[] WithoutReservation = ["nfs", "zfs", "9p", "unknown"];

    private static readonly string[] WithoutDirectWrites = ["tmpfs", "ramfs", "zfs", "9p", "unknown"];

    /// <summary>Another machine may change its files, or it is slow to answer: read it, do not map it.</summary>
    public bool IsNetwork => Network.Contains(Kind) || IsFuse;

    /// <summary>What this user may still make of files and directories; null where their number has no limit, or nobody can tell.</summary>
    public long? FreeInodes { get; init; }

    /// <summary>The longest name of a file, in bytes.</summary>
    public int MaxNameBytes { get; init; } = UsualNameBytes;

    /// <summary>An inode and its change time stay what they are while nobody touches the file; others make them up anew at times.</summary>
    public bool KeepsIdentities => !IsFuse && Kind is not ("9p" or "cifs" or "smb3" or "smbfs" or "unknown");

    /// <summary>POSIX semantics, close-to-open consistency, atomic rename and a working fdatasync.</summary>
    public bool KeepsPromises => !Unsuitable.Contains(Kind);

    /// <summary>fallocate(2) is expected to work.</summary>
    public bool CanReserve => !WithoutReservation.Contains(Kind) && !IsFuse;

    /// <summary>Whole pages are expected to be written past the page cache.</summary>
    public bool CanWriteDirect => OperatingSystem.IsLinux() && !WithoutDirectWrites.Contains(Kind) && !IsFuse;

    private bool IsFuse => Kind.StartsWith("fuse", StringComparison.Ordinal);

    /// <summary>Of the file system that holds <paramref name="path"/>, or its nearest existing parent.</summary>
    public static FileSystemFacts Of(string path)
    {
        string existing = NearestExisting(Path.GetFullPath(path));
        string[] mounts = File.Exists(MountTable) ? File.ReadAllLines(MountTable) : [];
        (string kind, string mountPoint) = Find(RealPath.Of(existing), mounts);
        var facts = new FileSystemFacts(kind, mountPoint, new DriveInfo(existing).AvailableFreeSpace);
        return OperatingSystem.IsLinux() && Environment.Is64BitProcess && Posix.Statvfs(existing, out Posix.FileSystemStatus status) == 0
            ? facts with
            {
                FreeInodes = status.Inodes > 0 ? (long)Math.Min(status.AvailableInodes, long.MaxValue) : null,
                MaxNameBytes = status.MaxNameBytes > 0 ? (int)Math.Min(status.MaxNameBytes, int.MaxValue) : UsualNameBytes,
            }
            : facts;
    }

    /// <summary>The kind of the first network file system that holds one of the directories; null when all are this machine's own.</summary>
    public static string? NetworkKind(IEnumerable<string> directories) => directories.Distinct().Select(Of).FirstOrDefault(facts => facts.IsNetwork)?.Kind;

    /// <summary>The last mount whose point is the longest prefix of the path; later lines cover earlier ones.</summary>
    internal static (string Kind, string MountPoint) Find(string path, IEnumerable<string> mounts)
    {
        (string Kind, string MountPoint) best = ("unknown", "/");
        int longest = -1;
        foreach (string mount in mounts)
        {
            string[] fields = mount.Split(' ');
            if (fields.Length < 3)
            {
                continue;
            }

            string point = Unescape(fields[1]);
            if (point.Length >= longest && RealPath.IsInside(path, point))
            {
                best = (fields[2], point);
                longest = point.Length;
            }
        }

        return best;
    }

    // The kernel writes blank, tab, newline, backslash and # as three octal digits behind a backslash.
    private static string Unescape(string field)
    {
        var text = new StringBuilder(field.Length);
        for (int at = 0; at < field.Length; at++)
        {
            if (field[at] == '\\' && at + 3 < field.Length && field.AsSpan(at + 1, 3).IndexOfAnyExceptInRange('0', '7') < 0)
            {
                text.Append((char)Convert.ToInt32(field.Substring(at + 1, 3), fromBase: 8));
                at += 3;
            }
            else
            {
                text.Append(field[at]);
            }
        }

        return text.ToString();
    }

    /// <summary>The deepest existing directory on the way to <paramref name="fullPath"/>.</summary>
    internal static string NearestExisting(string fullPath)
    {
        string path = fullPath;
        while (!Directory.Exists(path))
        {
            path = Path.GetDirectoryName(path) ?? Path.GetPathRoot(fullPath)!;
        }

        return path;
    }
}
