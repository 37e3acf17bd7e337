namespace ExpoCluster.Core.Storage;

/// <summary>What Linux says of a name itself, without following it if it is a link.</summary>
/// <param name="Mode">Type and permissions.</param>
/// <param name="Links">Names that it has.</param>
/// <param name="User">Whose it is.</param>
/// <param name="Attributes">Of the file system and of the mount, as statx(2) has them.</param>
internal readonly record struct PathStatus(ushort Mode, uint Links, uint User, ulong Attributes)
{
    private const int TypeMask = 0xF000;
    private const int PipeType = 0x1000;
    private const int DirectoryType = 0x4000;
    private const int RegularType = 0x8000;
    private const int LinkType = 0xA000;
    private const int SocketType = 0xC000;
    private const int StickyBit = 0x200;

    private const ulong Immutable = 0x10;
    private const ulong AppendOnly = 0x20;
    private const ulong MountRoot = 0x2000;

    public bool IsRegular => (Mode & TypeMask) == RegularType;

    public bool IsDirectory => (Mode & TypeMask) == DirectoryType;

    public bool IsLink => (Mode & TypeMask) == LinkType;

    /// <summary>Of a directory: only a file's owner, and the directory's, may move or remove it.</summary>
    public bool IsSticky => (Mode & StickyBit) != 0;

    /// <summary>Another file system, or another part of one, begins here.</summary>
    public bool IsMountPoint => (Attributes & MountRoot) != 0;

    /// <summary>Why nobody may move or remove it, or names in it, not even its owner; null where that is not so.</summary>
    public string? Hold => (Attributes & Immutable) != 0 ? "is immutable (chattr +i)"
        : (Attributes & AppendOnly) != 0 ? "is append-only (chattr +a)"
        : null;

    /// <summary>Its type, for people.</summary>
    public string Kind => (Mode & TypeMask) switch
    {
        RegularType => "a regular file",
        DirectoryType => "a directory",
        LinkType => "a symbolic link",
        PipeType => "a named pipe",
        SocketType => "a socket",
        _ => "a device",
    };

    /// <summary>Null when nothing is there, when it may not be seen, and elsewhere than on Linux.</summary>
    public static PathStatus? Of(string path) => OperatingSystem.IsLinux()
        && Posix.Statx(Posix.CurrentDirectory, path, Posix.NoFollow, Posix.BasicStats, out Posix.FileStatus status) == 0
            ? new PathStatus(status.Mode, status.Links, status.User, status.Attributes)
            : null;
}
