using System.Data.Common;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.EndToEnd;
using Microsoft.Data.Sqlite;

namespace ExpoCluster.Cluster.Tests.Register;

/// <summary>The databases that a register may be in: each test runs on all of them that this machine has.</summary>
public sealed class RegisterScene : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("expocluster-register-").FullName;
    private readonly Lazy<PostgresServer> server = new(() => new PostgresServer());
    private int count;

    public static TheoryData<string> Databases => PostgresServer.Missing is null ? ["SQLite", "PostgreSQL"] : ["SQLite"];

    /// <summary>Empty.</summary>
    public JournalSettings Create(string database)
    {
        int number = Interlocked.Increment(ref count);
        return database == "SQLite"
            ? JournalSettings.Sqlite(Path.Join(directory, $"{number}.db"), isLocal: true)
            : JournalSettings.PostgreSql($"Host=127.0.0.1;Port={server.Value.Port};Username=expo;Database=jobs;Search Path={CreateSchema(number)}");
    }

    public static async Task ExecuteAsync(JournalSettings journal, string sql)
    {
        using DbDataSource source = journal.Provider.StartsWith("SQLite", StringComparison.Ordinal)
            ? SqliteFactory.Instance.CreateDataSource(journal.ConnectionString)
            : Npgsql.NpgsqlDataSource.Create(journal.ConnectionString);
        await using DbCommand command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(directory, recursive: true);
        if (server.IsValueCreated)
        {
            server.Value.Dispose();
        }
    }

    private string CreateSchema(int number)
    {
        using var source = Npgsql.NpgsqlDataSource.Create($"Host=127.0.0.1;Port={server.Value.Port};Username=expo;Database=jobs");
        using Npgsql.NpgsqlCommand command = source.CreateCommand($"CREATE SCHEMA test{number}");
        command.ExecuteNonQuery();
        return $"test{number}";
    }
}
