using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Tensors.Files;

/// <summary>What Linux says a path or a handle is: open(2), statx(2), fstatfs(2).</summary>
internal static unsafe partial class FileKind
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;

    /// <summary>A link under the last name of the path is not followed. The number differs between the architectures that .NET runs on.</summary>
    public static readonly int NoFollow = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;

    private const int NoTerminal = 0x100;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int SetFlags = 4;

    private const int ErrorInterrupted = 4;
    private const int CurrentDirectory = -100;
    private const int EmptyPath = 0x1000;
    private const uint TypeWanted = 1;
    private const int TypeBits = 0xF000;
    private const int RegularType = 0x8000;
    private const int ModeForAll = 0x1B6;

    // Their files have no bytes of their own: what is read is made up by the kernel, of this process and this machine.
    private static readonly Dictionary<uint, string> MadeUp = new()
    {
        [0x9FA0] = "/proc",
        [0x62656572] = "/sys",
        [0x64626720] = "debugfs",
        [0x74726163] = "tracefs",
        [0x73636673] = "securityfs",
        [0x0027E0EB] = "a control group",
        [0x63677270] = "a control group",
        [0xCAFE4A11] = "the kernel's BPF",
        [0x62656570] = "configfs",
        [0xDE5E81E4] = "efivarfs",
        [0xF97CFF8C] = "SELinux",
        [0x6165676C] = "pstore",
        [0x6E736673] = "a namespace",
    };

    /// <summary>Opens without waiting: for a pipe's other end, for a device, for whoever holds a lease.</summary>
    /// <returns>The descriptor, or -1 with the error in the last P/Invoke error.</returns>
    public static int OpenAtOnce(string path, int flags)
    {
        int descriptor;
        do
        {
            descriptor = Open(path, flags | NonBlocking | CloseOnExec | NoTerminal, ModeForAll);
        }
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == ErrorInterrupted);
        return descriptor;
    }

    /// <summary>From now on it behaves like any other handle; regular files do so anyway, but some code asks.</summary>
    public static void MakeBlocking(SafeFileHandle file, int flags) => _ = Control(file, SetFlags, flags);

    /// <summary>Why a path is no regular file; null where it is one, or where nothing can be said of it.</summary>
    public static string? Trouble(string path) =>
        Status(CurrentDirectory, path, flags: 0, TypeWanted, out FileStatus status) == 0 ? Trouble(status) : null;

    /// <summary>Why an open file is no regular one of a disk or a network; null where it is one.</summary>
    public static string? Trouble(SafeFileHandle file)
    {
        if (StatusOf(file, "", EmptyPath, TypeWanted, out FileStatus status) == 0 && Trouble(status) is { } trouble)
        {
            return trouble;
        }

        FileSystemStatus system = default;
        return SystemOf(file, ref system) == 0 && MadeUp.TryGetValue(system.Type, out string? name) ? $"a file of {name}, which the kernel makes up" : null;
    }

    private static string? Trouble(in FileStatus status) => (status.Mode & TypeBits) switch
    {
        RegularType => null,
        0x1000 => "a named pipe",
        0x2000 or 0x6000 => "a device",
        0x4000 => "a directory",
        0xC000 => "a socket",
        _ => "of an unknown kind",
    };

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, int command, int argument);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int directory, string path, int flags, uint mask, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatusOf(SafeFileHandle file, string path, int flags, uint mask, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static partial int SystemOf(SafeFileHandle file, ref FileSystemStatus status);

    /// <summary>struct statx, the same on every Linux architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct FileStatus
    {
        [FieldOffset(28)] public ushort Mode;
    }

    /// <summary>struct statfs, of which only the first field is the same everywhere, and little-endian.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct FileSystemStatus
    {
        [FieldOffset(0)] public uint Type;
    }
}
