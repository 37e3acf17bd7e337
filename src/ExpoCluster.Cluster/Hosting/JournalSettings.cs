namespace ExpoCluster.Cluster.Hosting;

/// <summary>Where the journal is.</summary>
/// <param name="Provider">Akka.Persistence.Sql's name for the database.</param>
/// <param name="ConnectionString">For that database.</param>
/// <param name="Parallelism">Connections that write at once.</param>
/// <param name="MakesTables">The journal makes its tables itself; several that start at once would trip over each other.</param>
/// <param name="StartsWithSystem">It opens its database when the actor system begins, and not when somebody asks for it.</param>
public sealed record JournalSettings(string Provider, string ConnectionString, int Parallelism, bool MakesTables = true, bool StartsWithSystem = true)
{
    /// <summary>A SQLite file, created where missing.</summary>
    /// <param name="path">The file; its directory exists.</param>
    /// <param name="isLocal">On a local file system a write-ahead log is safe and fast; elsewhere its shared memory is not.</param>
    public static JournalSettings Sqlite(string path, bool isLocal)
    {
        JournalFile.Prepare(path, isLocal);
        return SqliteToCome(path) with { StartsWithSystem = true };
    }

    /// <summary>A SQLite file that is not looked at yet; <see cref="Sqlite"/> prepares it before anything is journalled.</summary>
    /// <param name="path">The file; nothing of it need exist.</param>
    public static JournalSettings SqliteToCome(string path) => new("SQLite.MS", JournalFile.ConnectionStringOf(path), Parallelism: 1, StartsWithSystem: false);

    /// <summary>A PostgreSQL server, shared by all nodes, with its tables made (<see cref="Membership.ClusterDatabase"/>).</summary>
    /// <param name="connectionString">As Npgsql takes it.</param>
    public static JournalSettings PostgreSql(string connectionString) => new("PostgreSQL.15", connectionString, Parallelism: 3, MakesTables: false);
}
