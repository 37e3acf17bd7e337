using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Schema;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace ExpoCluster.Cluster.Register;

/// <summary>The database that the register is in: connections, commands, parameters.</summary>
internal sealed class RegisterDatabase(JournalSettings journal) : IDisposable
{
    // A PostgreSQL as it is installed has 100 connections for all nodes and their journals together.
    private const int MaxConnections = 8;

    private readonly DbDataSource source = IsShared(journal)
        ? NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(journal.ConnectionString) { MaxPoolSize = MaxConnections })
        : SqliteFactory.Instance.CreateDataSource(journal.ConnectionString);

    /// <summary>A cluster's, which holds more than the database of a node alone.</summary>
    public bool IsClusters { get; } = IsShared(journal);

    public void Dispose() => source.Dispose();

    /// <summary>Brings the tables to this program's version, whoever else does at the same time.</summary>
    public async Task UpgradeAsync(CancellationToken cancellation)
    {
        DbConnection connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            // SQLite locks the file for it.
            DbTransaction transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                if (IsClusters)
                {
                    string text = string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_xact_lock({ClusterDatabase.AdvisoryLock})");
                    DbCommand alone = CommandOf(connection, transaction, text, []);
                    await using (alone.ConfigureAwait(false))
                    {
                        await alone.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
                    }
                }

                await SchemaUpgrade.RunAsync(
                    connection, transaction, IsClusters ? SchemaSteps.PostgreSql : SchemaSteps.Sqlite, cancellation).ConfigureAwait(false);
                await transaction.CommitAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What is read of each row; a row of which null is read is left out.</summary>
    public async Task<ImmutableArray<T>> ReadAsync<T>(
        string sql, IEnumerable<(string Name, object Value)> parameters, Func<DbDataReader, T?> read, CancellationToken cancellation)
        where T : class
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
                        if (read(reader) is { } value)
                        {
                            rows.Add(value);
                        }
                    }

                    return rows.ToImmutable();
                }
            }
        }
    }

    /// <summary>All of them, or none.</summary>
    public Task ExecuteAsync(CancellationToken cancellation, params (string Sql, (string Name, object Value)[] Parameters)[] statements) =>
        ExecuteAsync(statements, isConditional: false, cancellation);

    /// <summary>All of them, or none: nothing is done unless the first changes something.</summary>
    /// <returns>Whether it did.</returns>
    public Task<bool> ExecuteIfAsync(CancellationToken cancellation, params (string Sql, (string Name, object Value)[] Parameters)[] statements) =>
        ExecuteAsync(statements, isConditional: true, cancellation);

    private async Task<bool> ExecuteAsync(
        (string Sql, (string Name, object Value)[] Parameters)[] statements, bool isConditional, CancellationToken cancellation)
    {
        DbConnection connection = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            DbTransaction transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                bool isFirst = true;
                foreach ((string sql, (string, object)[] parameters) in statements)
                {
                    DbCommand command = CommandOf(connection, transaction, sql, parameters);
                    await using (command.ConfigureAwait(false))
                    {
                        int changed = await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
                        if (isConditional && isFirst && changed == 0)
                        {
                            return false;
                        }

                        isFirst = false;
                    }
                }

                await transaction.CommitAsync(cancellation).ConfigureAwait(false);
                return true;
            }
        }
    }

    private static bool IsShared(JournalSettings journal) => journal.Provider.StartsWith("PostgreSQL", StringComparison.Ordinal);

    private static DbCommand CommandOf(
        DbConnection connection, DbTransaction? transaction, string sql, IEnumerable<(string Name, object Value)> parameters)
    {
        DbCommand command = connection.CreateCommand();
#pragma warning disable CA2100 // Every text is a constant of this program, or made from a count.
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
