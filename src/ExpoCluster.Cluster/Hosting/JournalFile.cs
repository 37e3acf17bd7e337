using System.Globalization;
using System.Runtime.Serialization;
using System.Text;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Serialization;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>A journal in a file. It is looked at before an engine lives on it: an engine that cannot read its journal tells nobody.</summary>
public static class JournalFile
{
    // SQLite's own limit (MAX_PATHNAME of its Unix VFS), with the longest name that it puts behind the journal's.
    private const int MaxPathBytes = 512;

    private static readonly string[] Companions = ["-wal", "-shm", "-journal"];

    // Whoever has it locked and works with it lets go at once.
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(3);

    private static readonly JournalSerializer Serializer = new(null!);

    /// <summary>Throws where SQLite would refuse the path, whatever lies there.</summary>
    /// <exception cref="StorageException">It is too long.</exception>
    public static void CheckPath(string path)
    {
        int longest = Encoding.UTF8.GetByteCount(path) + Companions.Max(name => name.Length);
        if (OperatingSystem.IsLinux() && longest > MaxPathBytes)
        {
            throw new StorageException(
                StorageException.PathTooLong,
                $"{path}: the path of the journal is too long (SQLite takes {MaxPathBytes} bytes, this needs {longest}).",
                "choose an output whose full path, links resolved, is shorter.");
        }
    }

    /// <summary>Opens it, makes it where it is missing, and sets how it is written.</summary>
    /// <param name="path">The file; its directory exists.</param>
    /// <param name="isLocal">On a local file system a write-ahead log is safe and fast; elsewhere its shared memory is not.</param>
    /// <exception cref="StorageException">It cannot be opened or made.</exception>
    /// <exception cref="JobException">It is no database, or damaged.</exception>
    public static void Prepare(string path, bool isLocal)
    {
        CheckPath(path);
        foreach (string file in Companions.Select(name => path + name).Prepend(path))
        {
            PlainFile.Demand(file);
        }

        Connect(path, connection =>
        {
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = isLocal ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=DELETE";
            command.ExecuteNonQuery();
            // Whether it may be written, now and not when the first part is done.
            command.CommandText = "BEGIN IMMEDIATE; ROLLBACK";
            command.ExecuteNonQuery();
        });
    }

    /// <summary>How to connect to it.</summary>
    public static string ConnectionStringOf(string path) => new SqliteConnectionStringBuilder { DataSource = path }.ToString();

    /// <summary>Reads everything in it, and replays what it says of a job.</summary>
    /// <returns>The job's state; that of a new job where nothing was journalled yet.</returns>
    /// <exception cref="JobException">It is damaged, or of a newer version.</exception>
    /// <exception cref="StorageException">It cannot be read.</exception>
    public static JobState Replay(string path, string job)
    {
        JobState state = JobState.Empty;
        Connect(path, connection =>
        {
            CheckPages(connection, path);
            state = HasEvents(connection) ? Replay(connection, path, job) : state;
        });
        return state;
    }

    private static void Connect(string path, Action<SqliteConnection> use)
    {
        try
        {
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
            {
                DataSource = path, Pooling = false, DefaultTimeout = (int)LockPatience.TotalSeconds,
            }.ToString());
            connection.Open();
            use(connection);
        }
        catch (SqliteException exception)
        {
            throw JournalFailure.DescribeFile(exception, path);
        }
    }

    private static void CheckPages(SqliteConnection connection, string path)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA quick_check(1)";
        if (command.ExecuteScalar() is string found and not "ok")
        {
            throw JournalFailure.DescribeEvents(path, new SerializationException(found.ReplaceLineEndings(" ")));
        }
    }

    // Whoever died before the first event leaves no table, or an empty one.
    private static bool HasEvents(SqliteConnection connection)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'journal'";
        return Convert.ToInt32(command.ExecuteScalar(), CultureInfo.InvariantCulture) > 0;
    }

    private static JobState Replay(SqliteConnection connection, string path, string job)
    {
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText =
            "SELECT sequence_number, identifier, manifest, message, deleted, writer_uuid FROM journal WHERE persistence_id = $id ORDER BY sequence_number";
        command.Parameters.AddWithValue("$id", Coordinator.PersistenceIdOf(job));
        JobState state = JobState.Empty;
        using SqliteDataReader reader = command.ExecuteReader();
        for (long next = 1; reader.Read(); next++)
        {
            try
            {
                state = state.Apply(Event(reader, next));
            }
#pragma warning disable CA1031 // Whatever bytes of a stranger's lead to is the journal's damage.
            catch (Exception exception) when (exception is not SqliteException)
#pragma warning restore CA1031
            {
                throw JournalFailure.DescribeEvents(path, exception);
            }
        }

        return state;
    }

    private static JobEvent Event(SqliteDataReader row, long expected)
    {
        if (row.GetInt64(0) != expected)
        {
            throw new SerializationException($"event {expected} is missing");
        }

        return row.GetInt32(1) == JournalSerializer.FixedIdentifier
            ? (JobEvent)Serializer.FromBinary((byte[])row.GetValue(3), row.GetString(2))
            : throw new SerializationException($"event {expected} is no event of a job");
    }
}
