using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Storage;

/// <summary>The system calls that .NET does not offer: durable data, reserved space, locks that die with the process, inodes.</summary>
/// <remarks>Only blittable signatures and safe handles, so this needs no unsafe code. Every caller is a class of this folder.</remarks>
[SuppressMessage("Interoperability", "SYSLIB1054", Justification = "LibraryImport generates unsafe code, which only Tensors may hold.")]
[SuppressMessage("Globalization", "CA2101", Justification = "Paths are marshalled as UTF-8 explicitly.")]
internal static class Posix
{
    internal const int ErrorNoEntry = 2;
    internal const int ErrorInterrupted = 4;
    internal const int ErrorIo = 5;
    internal const int ErrorBadDescriptor = 9;
    internal const int ErrorWouldBlock = 11;
    internal const int ErrorNoDirectory = 20;
    internal const int ErrorInvalid = 22;
    internal const int ErrorNoSpace = 28;
    internal const int ErrorBrokenPipe = 32;
    internal const int ErrorNotSupportedCall = 38;
    internal const int ErrorTooManyLinks = 40;
    internal const int ErrorNotSupported = 95;
    internal const int ErrorStale = 116;
    internal const int ErrorQuota = 122;

    internal const int GetDescriptorFlags = 1;
    internal const int CloseOnExec = 1;

    internal const short ReadyForWriting = 4;

    internal const int LockExclusive = 2;
    internal const int LockNonBlocking = 4;

    internal const int CurrentDirectory = -100;
    internal const int EmptyPath = 0x1000;
    internal const int NoFollow = 0x100;
    internal const uint BasicStats = 0x7ff;

    internal const int AddressSpaceLimit = 9;

    private const int MayWrite = 2;
    private const int MayEnter = 1;
    private const int AsEffectiveUser = 0x200;

    private const int OpenReadOnly = 0;
    private const int OpenWriteOnly = 1;
    private const int OpenReadWrite = 2;
    private const int OpenNonBlocking = 0x800;
    private const int OpenCloseOnExec = 0x80000;

    // These two differ between the architectures that .NET runs on.
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;
    private static readonly int OpenDirectoryFlag = IsArm ? 0x4000 : 0x10000;
    private static readonly int OpenDirectFlag = IsArm ? 0x10000 : 0x4000;
    private static readonly int OpenNoFollowFlag = IsArm ? 0x8000 : 0x20000;

    internal static int Fallocate(SafeFileHandle file, int mode, long offset, long length) =>
        Uninterrupted((file, mode, offset, length), call => FallocateOnce(call.file, call.mode, call.offset, call.length));

    internal static int Fdatasync(SafeFileHandle file) => Uninterrupted(file, FdatasyncOnce);

    internal static int Fsync(SafeFileHandle file) => Uninterrupted(file, FsyncOnce);

    internal static int Flock(SafeFileHandle file, int operation) =>
        Uninterrupted((file, operation), call => FlockOnce(call.file, call.operation));

    [DllImport("libc", EntryPoint = "statvfs", SetLastError = true)]
    internal static extern int Statvfs([MarshalAs(UnmanagedType.LPUTF8Str)] string path, out FileSystemStatus status);

    internal static int Rename(string from, string to) => Uninterrupted((from, to), call => RenameOnce(call.from, call.to));

    /// <summary>lseek(2), here for SEEK_HOLE and SEEK_DATA alone: nothing reads or writes at a file's own position.</summary>
    [DllImport("libc", EntryPoint = "lseek", SetLastError = true)]
    internal static extern long Seek(SafeFileHandle file, long offset, int whence);

    /// <summary>posix_fadvise(2); how it went does not matter.</summary>
    [DllImport("libc", EntryPoint = "posix_fadvise")]
    internal static extern int Advise(SafeFileHandle file, long offset, long length, int advice);

    [DllImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    internal static extern int Fcntl(int descriptor, int command);

    [DllImport("libc", EntryPoint = "write", SetLastError = true)]
    internal static extern nint Write(int descriptor, in byte first, nint count);

    [DllImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static extern int Poll(ref Readiness descriptor, ulong count, int milliseconds);

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    internal static extern int Statx(
        int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out FileStatus status);

    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    internal static extern int StatxHandle(
        SafeFileHandle file, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint mask, out FileStatus status);

    [DllImport("libc", EntryPoint = "geteuid")]
    internal static extern uint EffectiveUser();

    /// <summary>Why names in a directory may not be made by this user; null where they may, or nobody can tell.</summary>
    internal static string? FindWriteRefusal(string directory) =>
        OperatingSystem.IsLinux() && AccessAt(CurrentDirectory, directory, MayWrite | MayEnter, AsEffectiveUser) != 0
            ? Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())
            : null;

    [DllImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    internal static extern int GetLimit(int resource, out ResourceLimit limit);

    [DllImport("libc", EntryPoint = "faccessat", SetLastError = true)]
    private static extern int AccessAt(int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int mode, int flags);

    /// <summary>A signal that arrives in the middle of a call is no failure of it: it is made again.</summary>
    private static int Uninterrupted<T>(T arguments, Func<T, int> call)
    {
        while (true)
        {
            int result = call(arguments);
            if (result >= 0 || Marshal.GetLastPInvokeError() != ErrorInterrupted)
            {
                return result;
            }
        }
    }

    internal static SafeFileHandle OpenDirectoryHandle(string path)
    {
        int descriptor = Open(path, OpenReadOnly | OpenDirectoryFlag | OpenCloseOnExec);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw StorageException.FromErrno(Marshal.GetLastPInvokeError(), path, "open the directory");
    }

    /// <summary>Opens for writes that go past the page cache; null where the file system has none.</summary>
    internal static SafeFileHandle? TryOpenDirect(string path) =>
        TryOpen(path, OpenWriteOnly | OpenDirectFlag | OpenNoFollowFlag | OpenCloseOnExec);

    /// <summary>Opens for reads that go past the page cache; null where the file system has none.</summary>
    internal static SafeFileHandle? TryOpenDirectForReading(string path) => TryOpen(path, OpenReadOnly | OpenDirectFlag | OpenNonBlocking | OpenCloseOnExec);

    /// <summary>Takes the lowest descriptor that is free, for reading and writing. Negative where it cannot.</summary>
    internal static int OpenLowest(string path) => Open(path, OpenReadWrite);

    private static int Open(string path, int flags) =>
        Uninterrupted((path, flags), call => OpenOnce(call.path, call.flags, mode: 0));

    private static SafeFileHandle? TryOpen(string path, int flags)
    {
        int descriptor = Open(path, flags);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : null;
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int OpenOnce([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, int mode);

    [DllImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static extern int FallocateOnce(SafeFileHandle file, int mode, long offset, long length);

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static extern int FdatasyncOnce(SafeFileHandle file);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int FsyncOnce(SafeFileHandle file);

    [DllImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static extern int FlockOnce(SafeFileHandle file, int operation);

    [DllImport("libc", EntryPoint = "rename", SetLastError = true)]
    private static extern int RenameOnce(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string from, [MarshalAs(UnmanagedType.LPUTF8Str)] string to);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Readiness
    {
        internal int Descriptor;
        internal short Wanted;
        internal short Found;
    }

    /// <summary>struct rlimit of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct ResourceLimit
    {
        internal ulong Current;
        internal ulong Most;
    }

    /// <summary>struct statvfs of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct FileSystemStatus
    {
        [FieldOffset(40)] internal ulong Inodes;
        [FieldOffset(56)] internal ulong AvailableInodes;
        [FieldOffset(80)] internal ulong MaxNameBytes;
    }

    /// <summary>struct statx, the same on every Linux architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct FileStatus
    {
        [FieldOffset(8)] internal ulong Attributes;
        [FieldOffset(16)] internal uint Links;
        [FieldOffset(20)] internal uint User;
        [FieldOffset(28)] internal ushort Mode;
        [FieldOffset(32)] internal ulong Inode;
        [FieldOffset(40)] internal ulong ByteLength;
        [FieldOffset(96)] internal long ChangedSeconds;
        [FieldOffset(104)] internal uint ChangedNanoseconds;
        [FieldOffset(112)] internal long ModifiedSeconds;
        [FieldOffset(120)] internal uint ModifiedNanoseconds;
        [FieldOffset(136)] internal uint DeviceMajor;
        [FieldOffset(140)] internal uint DeviceMinor;
    }
}
