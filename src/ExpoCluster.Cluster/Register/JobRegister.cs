using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Jobs;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace ExpoCluster.Cluster.Register;

/// <summary>The list of all jobs: what the journals say, projected into two tables beside them.</summary>
/// <remarks>
/// Coordinators write what they have journalled, and write it again when they recover, so nothing is ever missing for good. A row
/// carries the number of the event that it follows from: what is older never replaces what is newer, whoever comes late.
/// </remarks>
public sealed class JobRegister : IDisposable
{
    private const int MaxCreateAttempts = 5;

    // A PostgreSQL as it is installed has 100 connections for all nodes and their journals together.
    private const int MaxConnections = 8;

    private readonly DbDataSource database;

    private JobRegister(JournalSettings journal) => database = journal.Provider.StartsWith("PostgreSQL", StringComparison.Ordinal)
        ? NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(journal.ConnectionString) { MaxPoolSize = MaxConnections })
        : SqliteFactory.Instance.CreateDataSource(journal.ConnectionString);

    public void Dispose() => database.Dispose();

    /// <summary>Opens the register and makes its tables where they are missing.</summary>
    /// <param name="journal">The database that the journals are in.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<JobRegister> OpenAsync(JournalSettings journal, CancellationToken cancellation = default)
    {
        var register = new JobRegister(journal);
        try
        {
            await register.CreateAsync(cancellation).ConfigureAwait(false);
            return register;
        }
        catch
        {
            register.Dispose();
            throw;
        }
    }

    private async Task CreateAsync(CancellationToken cancellation)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await ExecuteAsync(RegisterSql.Create, [], cancellation).ConfigureAwait(false);
                return;
            }
            catch (PostgresException) when (attempt < MaxCreateAttempts)
            {
                // Two nodes that create one table at once disturb each other, for all that it says IF NOT EXISTS.
                await Task.Delay(TimeSpan.FromMilliseconds(50 * attempt), cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Writes what became of a job, unless something newer is there.</summary>
    public async Task WriteAsync(RegisterEntry entry, CancellationToken cancellation = default)
    {
        DbConnection connection = await database.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            DbTransaction transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                await WriteAsync(connection, transaction, entry, cancellation).ConfigureAwait(false);
                await transaction.CommitAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>With its files; null when there is no such job.</summary>
    public async Task<RegisterEntry?> FindAsync(string job, CancellationToken cancellation = default)
    {
        ImmutableArray<RegisterEntry> found = await ReadAsync(
            RegisterSql.Find, [("@job", job)], row => EntryOf(row, withFiles: true), cancellation).ConfigureAwait(false);
        return found.FirstOrDefault();
    }

    /// <summary>Jobs that have not ended and write into this directory, or failed and could go on.</summary>
    public Task<ImmutableArray<RegisterEntry>> FindByOutputAsync(string output, CancellationToken cancellation = default) =>
        ReadAsync(RegisterSql.FindByOutput, [("@output", output)], row => EntryOf(row, withFiles: false), cancellation);

    /// <summary>A page of the list, newest first.</summary>
    /// <param name="states">Empty for all.</param>
    /// <param name="after">The last job of the page before; null for the first page.</param>
    /// <param name="limit">At most so many.</param>
    /// <param name="cancellation">Ends it.</param>
    public Task<ImmutableArray<RegisterEntry>> ListAsync(
        IReadOnlyCollection<string> states, RegisterPosition? after, int limit, CancellationToken cancellation = default)
    {
        List<(string, object)> parameters = [("@limit", limit)];
        if (after is { } position)
        {
            parameters.Add(("@submitted", position.SubmittedAt.ToUnixTimeMilliseconds()));
            parameters.Add(("@job", position.Job));
        }

        parameters.AddRange(states.Select((state, index) => (RegisterSql.StateParameter(index), (object)state)));
        return ReadAsync(RegisterSql.List(states.Count, after is not null), parameters, row => EntryOf(row, withFiles: false), cancellation);
    }

    /// <summary>The states that a job came into behind this event, in order.</summary>
    public Task<ImmutableArray<RegisterChange>> ChangesAsync(string job, long after, CancellationToken cancellation = default) =>
        ReadAsync(RegisterSql.Changes, [("@job", job), ("@after", after)], ChangeOf, cancellation);

    /// <summary>Throws when the database does not answer.</summary>
    public Task PingAsync(CancellationToken cancellation) => ReadAsync(RegisterSql.Ping, [], _ => 0, cancellation);

    private static async Task WriteAsync(
        DbConnection connection, DbTransaction transaction, RegisterEntry entry, CancellationToken cancellation)
    {
        (string, object)[] change =
        [
            ("@job", entry.Job),
            ("@sequence", entry.Sequence),
            ("@state", entry.State),
            ("@changed", entry.ChangedAt.ToUnixTimeMilliseconds()),
            ("@code", entry.Facts.Reason?.Code ?? ""),
            ("@message", entry.Facts.Reason?.Message ?? ""),
            ("@advice", entry.Facts.Reason?.Advice ?? ""),
        ];
        (string, object)[] row =
        [
            .. change[..4],
            ("@submitted", entry.SubmittedAt.ToUnixTimeMilliseconds()),
            ("@output", entry.Output),
            ("@facts", JsonSerializer.Serialize(entry.Facts, RegisterJson.Default.RegisterFacts)),
            ("@files", JsonSerializer.Serialize(entry.Files, RegisterJson.Default.ImmutableArrayRegisterFile)),
        ];
        await ExecuteAsync(connection, transaction, RegisterSql.WriteChange, change, cancellation).ConfigureAwait(false);
        await ExecuteAsync(connection, transaction, RegisterSql.Write, row, cancellation).ConfigureAwait(false);
    }

    private static RegisterEntry EntryOf(DbDataReader row, bool withFiles) => new()
    {
        Job = row.GetString(0),
        Sequence = row.GetInt64(1),
        State = row.GetString(2),
        SubmittedAt = DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(3)),
        ChangedAt = DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(4)),
        Output = row.GetString(5),
        Facts = JsonSerializer.Deserialize(row.GetString(6), RegisterJson.Default.RegisterFacts)!,
        Files = withFiles ? JsonSerializer.Deserialize(row.GetString(7), RegisterJson.Default.ImmutableArrayRegisterFile) : [],
    };

    private static RegisterChange ChangeOf(DbDataReader row)
    {
        string code = row.GetString(2);
        return new RegisterChange(
            row.GetInt64(0),
            row.GetString(1),
            code.Length == 0 ? null : new JobReason(code, row.GetString(3), row.GetString(4)),
            DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(5)));
    }

    private async Task<ImmutableArray<T>> ReadAsync<T>(
        string sql, IEnumerable<(string Name, object Value)> parameters, Func<DbDataReader, T> read, CancellationToken cancellation)
    {
        DbConnection connection = await database.OpenConnectionAsync(cancellation).ConfigureAwait(false);
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

    private async Task ExecuteAsync(string sql, IEnumerable<(string Name, object Value)> parameters, CancellationToken cancellation)
    {
        DbConnection connection = await database.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            await ExecuteAsync(connection, transaction: null, sql, parameters, cancellation).ConfigureAwait(false);
        }
    }

    private static async Task ExecuteAsync(
        DbConnection connection,
        DbTransaction? transaction,
        string sql,
        IEnumerable<(string Name, object Value)> parameters,
        CancellationToken cancellation)
    {
        DbCommand command = CommandOf(connection, transaction, sql, parameters);
        await using (command.ConfigureAwait(false))
        {
            await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
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
