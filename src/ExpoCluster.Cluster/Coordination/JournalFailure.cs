using System.Data.Common;
using System.Net.Sockets;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Pattern;
using Akka.Persistence;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using Google.Protobuf;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>What a journal's exception means to a user.</summary>
internal static class JournalFailure
{
    // https://www.sqlite.org/rescode.html
    private const int SqliteError = 1;
    private const int SqliteBusy = 5;
    private const int SqliteLocked = 6;
    private const int SqliteIoError = 10;
    private const int SqliteCorrupt = 11;
    private const int SqliteFull = 13;
    private const int SqliteCannotOpen = 14;
    private const int SqliteNoDatabase = 26;

    // The log's shared memory grows by this.
    private const int PageBytes = 32 << 10;

    // Writing the log's shared memory file is the one thing that SQLite calls an I/O error when the disk is full.
    private const int SqliteIoErrorOfSharedMemory = 4874;

    // https://www.postgresql.org/docs/current/errcodes-appendix.html: class XX is damage.
    private const string PostgresDamage = "XX";

    private const string Advice = "make room or restore the database, then run the same command again: it resumes.";

    private const string RestartAdvice = "use --restart to throw the earlier work away and begin anew; the database of a node has to be restored.";

    /// <summary>Why it could not be written.</summary>
    /// <param name="cause">What was met.</param>
    /// <param name="output">Of the job, where an embedded merge has its journal; null where that is not known.</param>
    public static StorageException Describe(Exception cause, string? output = null) => Describe(cause, "the journal", "written", output);

    /// <summary>Why it could not be read.</summary>
    public static StorageException DescribeReading(Exception cause) => Describe(cause, "the journal", "read", output: null);

    /// <summary>Why a journal in a file could not be opened, read or made.</summary>
    /// <param name="cause">What was met.</param>
    /// <param name="path">The file.</param>
    public static ExpoException DescribeFile(SqliteException cause, string path) => IsDamage(cause)
        ? JobException.OfDamagedJournal(path, cause.Message, RestartAdvice, cause)
        : Describe(cause, path, "used as journal", Path.GetDirectoryName(path));

    /// <summary>What is wrong with a journal whose events do not follow from each other, or are none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="why">What was met.</param>
    public static JobException DescribeEvents(string path, Exception why) =>
        JobException.OfDamagedJournal(path, Say(why), RestartAdvice, why);

    /// <summary>What keeps a job from being read for good; null when it may help to try again, as when the database is away.</summary>
    /// <param name="cause">What was met.</param>
    /// <param name="job">The job's id.</param>
    public static JobException? FindDamage(Exception cause, string job) => Causes(cause).All(IsOutage)
        ? null
        : JobException.OfDamagedJournal(
            $"job {job}",
            Say(Causes(cause).First(one => !IsOutage(one))),
            "restore the database and resume the job, or cancel what is left of it and submit it anew.",
            cause);

    /// <summary>What is wrong with an event, in the words of whatever met it.</summary>
    private static string Say(Exception exception) => exception switch
    {
        SerializationException or InvalidOperationException or SqliteException => exception.Message,
        InvalidProtocolBufferException => "an event's bytes are damaged",
        _ => $"an event's bytes are damaged: {exception.Message}",
    };

    private static StorageException Describe(Exception cause, string journal, string verb, string? output)
    {
        Exception root = Causes(cause).First();
        return root switch
        {
            SqliteException sqlite when IsFull(sqlite, output) => new StorageException(
                StorageException.Full, $"{journal} cannot be {verb}: no space left ({root.Message}).", Advice, cause),
            SqliteException { SqliteErrorCode: SqliteBusy or SqliteLocked } => new StorageException(
                StorageException.JournalUnwritable,
                $"{journal} cannot be {verb}: another program has locked it ({root.Message}).",
                "end the program that has it open, then run the same command again: it resumes.",
                cause),
            SqliteException { SqliteErrorCode: SqliteIoError } => new StorageException(
                StorageException.JournalUnwritable,
                $"{journal} cannot be {verb}: the disk or the network file system failed ({root.Message}).",
                "check it (the kernel's log says more), then run the same command again: it resumes.",
                cause),
            SqliteException { SqliteErrorCode: SqliteCannotOpen } => new StorageException(
                StorageException.JournalUnwritable,
                $"{journal} cannot be {verb} ({root.Message}).",
                "check that this user may read and write it, then run the same command again: it resumes.",
                cause),
            _ => new StorageException(StorageException.JournalUnwritable, $"{journal} cannot be {verb} ({root.Message}).", Advice, cause),
        };
    }

    // What SQLite calls an I/O error may be a full disk: it says so only of the calls that write the database itself.
    private static bool IsFull(SqliteException exception, string? directory) => exception.SqliteErrorCode == SqliteFull
        || exception.SqliteExtendedErrorCode == SqliteIoErrorOfSharedMemory
        || (exception.SqliteErrorCode == SqliteIoError && directory is not null && FreeBytes(directory) < PageBytes);

    private static long FreeBytes(string directory)
    {
        try
        {
            return FileSystemFacts.Of(directory).FreeBytes;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            return long.MaxValue;
        }
    }

    private static bool IsOutage(Exception exception) => exception switch
    {
        DbException database => !IsDamage(database),
        // An IOException by its type, and bytes that are none of ours by what it means.
        InvalidProtocolBufferException => false,
        _ => exception is TimeoutException or IOException or SocketException or OperationCanceledException
            or OpenCircuitException or AskTimeoutException or RecoveryTimedOutException,
    };

    private static bool IsDamage(DbException exception) => exception switch
    {
        SqliteException sqlite => sqlite.SqliteErrorCode is SqliteError or SqliteCorrupt or SqliteNoDatabase,
        _ => exception.SqlState?.StartsWith(PostgresDamage, StringComparison.Ordinal) == true,
    };

    // The innermost of each: what wraps it says only that something went wrong.
    private static IEnumerable<Exception> Causes(Exception cause) => cause is AggregateException aggregate
        ? aggregate.Flatten().InnerExceptions.SelectMany(Causes)
        : [cause.GetBaseException()];
}
