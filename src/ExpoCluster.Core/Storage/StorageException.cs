using System.ComponentModel;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Storage;

/// <summary>The output cannot be written: full, read-only, forbidden, or not the kind of storage that keeps our promises.</summary>
public sealed class StorageException(string code, string message, string advice, Exception? innerException = null)
    : ExpoException(code, message, advice, innerException)
{
    public const string Full = "EXPO4001";
    public const string NotWritable = "EXPO4002";
    public const string Unsuitable = "EXPO4003";
    public const string Vanished = "EXPO4004";
    public const string JournalUnwritable = "EXPO4005";
    public const string Damaged = "EXPO4006";

    /// <summary>The database that journals lie in takes no path of this length.</summary>
    public const string PathTooLong = "EXPO4008";

    /// <summary>A link, a pipe or a device lies where a file of the merge's own must be.</summary>
    public const string NotPlain = "EXPO4009";

    /// <summary>What the merge works in is not at its path any more.</summary>
    public const string Displaced = "EXPO4010";

    /// <summary>The device or the network file system failed, not a rule of it.</summary>
    public const string DeviceFailed = "EXPO4011";

    /// <summary>What is named as output directory, or lies on the way there, is something else.</summary>
    public const string NotADirectory = "EXPO4020";

    /// <summary>Why a job of a cluster is queued.</summary>
    public const string AwaitsSpace = "EXPO4007";

    private const string FullAdvice = "free some space there (or choose another --out), then run the same command again: it resumes.";

    internal const string ThroughLink = "is a symbolic link, and nothing is written through one";

    private const string AccessAdvice = "check that the path exists and that this user may write there.";

    private const string DeviceAdvice = "check the disk or the network file system (the kernel's log says more), then run the same command again: it resumes.";

    public static StorageException NoSpace(string path, string what, Exception? inner = null) => new(
        Full,
        $"{path}: {(HasInodes(path) ? "no space" : "no inode is")} left to {what}{(HasInodes(path) ? "" : " (the file system has too many files)")}.",
        FullAdvice,
        inner);

    /// <summary>The disk may have room, but this user, group or project has used up what it may take.</summary>
    internal static StorageException NoQuota(string path, string what, Exception? inner = null) => new(
        Full,
        $"{path}: no quota left to {what}.",
        "remove files of yours there, have the quota raised (or choose another --out), then run the same command again: it resumes.",
        inner);

    /// <summary>There is room for the bytes, and none for so many names.</summary>
    internal static StorageException TooFewInodes(string path, long needed, long free) => new(
        Full, $"{path}: the file system has too few inodes left for the output (needed {needed:N0}, free {free:N0}).", FullAdvice);

    public static StorageException TooSmall(string path, long neededBytes, long freeBytes) =>
        new(Full, $"{path}: the file system is too small for the output (needed {neededBytes:N0} bytes, free {freeBytes:N0}).", FullAdvice);

    /// <summary>The cache of the Hub lacks room, alone or together with an output on the same file system.</summary>
    internal static StorageException TooSmallForDownload(string cache, bool withOutput, long neededBytes, long freeBytes) => new(
        Full,
        $"{cache}: the file system is too small for the download{(withOutput ? " and the output" : "")} (needed {neededBytes:N0} bytes, free {freeBytes:N0}).",
        "free some space there, choose another --hub-cache, or use --no-cache to merge without keeping the inputs.");

    /// <summary>What a merge works in was moved, removed or put in another's place meanwhile.</summary>
    public static StorageException WasDisplaced(string path, string what) => new(
        Displaced,
        $"{path}: {what} while the merge ran.",
        "let nothing else move or change what is there; put it back and run the same command again, which resumes, or begins anew what is lost.");

    internal static StorageException FromErrno(int errno, string path, string what) => errno switch
    {
        Posix.ErrorNoSpace => NoSpace(path, what),
        Posix.ErrorQuota => NoQuota(path, what),
        Posix.ErrorIo or Posix.ErrorStale => Failed(path, what, new Win32Exception(errno).Message, inner: null),
        Posix.ErrorTooManyLinks => NotPlainFile(path, ThroughLink),
        _ => new StorageException(NotWritable, $"{path}: cannot {what} ({new Win32Exception(errno).Message}).", AccessAdvice),
    };

    internal static StorageException NoDirectory(string place, string output, string what) => new(
        NotADirectory,
        place == output ? $"{output}: is {what}, and an output is a directory." : $"{output}: {place} is {what}, and no directory.",
        "choose another output.");

    internal static StorageException NotPlainFile(string path, string what) => new(
        NotPlain, $"{path}: {what}.", "remove what is there if it is nobody's, or choose another --out.");

    /// <summary>Turns what .NET throws at file operations into the storage error that it stands for.</summary>
    public static StorageException From(Exception exception, string path, string what) => exception switch
    {
        StorageException storage => storage,
        IOException io when IsNoQuota(io) => NoQuota(path, what, io),
        IOException io when IsNoSpace(io) => NoSpace(path, what, io),
        IOException io when (io.HResult & 0xFFFF) == Posix.ErrorTooManyLinks => NotPlainFile(path, ThroughLink),
        IOException io when (io.HResult & 0xFFFF) is Posix.ErrorIo or Posix.ErrorStale => Failed(path, what, io.Message, io),
        _ => new StorageException(NotWritable, $"{path}: cannot {what} ({exception.Message})", AccessAdvice, exception),
    };

    private static StorageException Failed(string path, string what, string why, Exception? inner) =>
        new(DeviceFailed, $"{path}: cannot {what} ({why}).", DeviceAdvice, inner);

    private static bool IsNoSpace(IOException io) =>
        (io.HResult & 0xFFFF) is Posix.ErrorNoSpace or 112;

    private static bool IsNoQuota(IOException io) => (io.HResult & 0xFFFF) == Posix.ErrorQuota;

    // A disk of small files may be out of names and not of bytes; both are told by one error.
    private static bool HasInodes(string path)
    {
        try
        {
            return FileSystemFacts.Of(path).FreeInodes is not 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            return true;
        }
    }
}
