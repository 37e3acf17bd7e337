using System.Collections.Immutable;
using System.Data.Common;
using ExpoCluster.Cluster.Membership;

namespace ExpoCluster.Cluster.Schema;

/// <summary>Brings a database to this program's version.</summary>
internal static class SchemaUpgrade
{
    // A row for each step, so whoever looks finds when it was upgraded.
    private const string Table = """
        CREATE TABLE IF NOT EXISTS expocluster_schema (
          version integer PRIMARY KEY,
          oldest_node integer NOT NULL,
          at_ms bigint NOT NULL)
        """;

    private const string Read = "SELECT MAX(version), MAX(oldest_node) FROM expocluster_schema";

    private const string Write = "INSERT INTO expocluster_schema (version, oldest_node, at_ms) VALUES (@version, @oldest, @at)";

    /// <summary>To be run in a transaction, and by one node at a time; what fails leaves the database as it was.</summary>
    /// <param name="connection">Open.</param>
    /// <param name="transaction">Under way on it; null where the connection knows.</param>
    /// <param name="known">All steps that this program knows, in order.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The version before; null for an empty database, and for one that was made before databases said it.</returns>
    /// <exception cref="ClusterException">The database is too new.</exception>
    public static async Task<int?> RunAsync(
        DbConnection connection, DbTransaction? transaction, ImmutableArray<SchemaStep> known, CancellationToken cancellation)
    {
        await ExecuteAsync(Table).ConfigureAwait(false);
        SchemaMark? found = await ReadAsync(connection, transaction, cancellation).ConfigureAwait(false);
        foreach (SchemaStep step in SchemaRules.Missing(found, known))
        {
            await ExecuteAsync(step.Sql).ConfigureAwait(false);
            await ExecuteAsync(
                Write, ("@version", step.Version), ("@oldest", step.OldestNode), ("@at", TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds())).ConfigureAwait(false);
        }

        return found?.Version;

        async Task ExecuteAsync(string sql, params (string Name, object Value)[] parameters)
        {
            DbCommand command = CommandOf(connection, transaction, sql);
            await using (command.ConfigureAwait(false))
            {
                foreach ((string name, object value) in parameters)
                {
                    DbParameter parameter = command.CreateParameter();
                    parameter.ParameterName = name;
                    parameter.Value = value;
                    command.Parameters.Add(parameter);
                }

                await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    private static async Task<SchemaMark?> ReadAsync(DbConnection connection, DbTransaction? transaction, CancellationToken cancellation)
    {
        DbCommand command = CommandOf(connection, transaction, Read);
        await using (command.ConfigureAwait(false))
        {
            DbDataReader row = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
            await using (row.ConfigureAwait(false))
            {
                return await row.ReadAsync(cancellation).ConfigureAwait(false) && !row.IsDBNull(0) ? new SchemaMark(row.GetInt32(0), row.GetInt32(1)) : null;
            }
        }
    }

    private static DbCommand CommandOf(DbConnection connection, DbTransaction? transaction, string sql)
    {
        DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Every text is a constant of this program.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.Transaction = transaction;
        return command;
    }
}
