using ExpoCluster.Core.Storage;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>What a journal's exception means to a user.</summary>
internal static class JournalFailure
{
    // https://www.sqlite.org/rescode.html
    private const int SqliteFull = 13;
    private const int SqliteIoError = 10;
    private const string Advice = "make room or restore the database, then run the same command again: it resumes.";

    public static StorageException Describe(Exception cause)
    {
        Exception root = cause is AggregateException aggregate ? aggregate.Flatten().InnerExceptions[0] : cause.GetBaseException();
        return root is SqliteException { SqliteErrorCode: SqliteFull or SqliteIoError } full
            ? new StorageException(StorageException.Full, $"the journal cannot be written: no space left ({full.Message}).", Advice, cause)
            : new StorageException(StorageException.JournalUnwritable, $"the journal cannot be written ({root.Message}).", Advice, cause);
    }
}
