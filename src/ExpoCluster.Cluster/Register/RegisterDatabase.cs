using System.Collections.Immutable;
using System.Data.Common;
using ExpoCluster.Cluster.Hosting;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace ExpoCluster.Cluster.Register;

/// <summary>The database that the register is in: connections, commands, parameters.</summary>
internal sealed class RegisterDatabase(JournalSettings journal) : IDisposable
{
    // A PostgreSQL as it is installed has 100 connections for all nodes and their journals together.
    private const int MaxConnections = 8;

    private readonly DbDataSource source = journal.Provider.StartsWith("PostgreSQL", StringComparison.Ordinal)
        ? NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(journal.ConnectionString) { MaxPoolSize = MaxConnections })
        : SqliteFactory.Instance.CreateDataSource(journal.ConnectionString);

    public void Dispose() => source.Dispose();

    public async Task<ImmutableArray<T>> ReadAsync<T>(
        string sql, IEnumerable<(string Name, object Value)> parameters, Func<DbDataReader, T> read, CancellationToken cancellation)
    {
        DbConnection connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            DbCommand command = CommandOf(connection, transaction: null, sql, parameters);
            await using (command.ConfigureAwait(false))
            {
                DbDataReader reader = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
                await using (reader.ConfigureAwait(false))
                {
                    var rows = ImmutableArray.CreateBuilder<T>();
                    while (await reader.ReadAsync(cancellation).ConfigureAwait(false))
                    {
                        rows.Add(read(reader));
                    }

                    return rows.ToImmutable();
                }
            }
        }
    }

    /// <summary>All of them, or none.</summary>
    public async Task ExecuteAsync(
        CancellationToken cancellation, params (string Sql, (string Name, object Value)[] Parameters)[] statements)
    {
        DbConnection connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            DbTransaction transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                foreach ((string sql, (string, object)[] parameters) in statements)
                {
                    DbCommand command = CommandOf(connection, transaction, sql, parameters);
                    await using (command.ConfigureAwait(false))
                    {
                        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
                    }
                }

                await transaction.CommitAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    private static DbCommand CommandOf(
        DbConnection connection, DbTransaction? transaction, string sql, IEnumerable<(string Name, object Value)> parameters)
    {
        DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Every text is a constant of RegisterSql, or made from a count.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.Transaction = transaction;
        foreach ((string name, object value) in parameters)
        {
            DbParameter parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value;
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
