using System.Data.Common;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Schema;
using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>The PostgreSQL of a cluster: besides the journal a few small tables, which the first node makes.</summary>
public sealed class ClusterDatabase : IAsyncDisposable
{
    // "expoclus" as a number. Whoever forms a cluster, or makes tables, holds it for that moment.
    internal const long AdvisoryLock = 0x6578706F636C7573;

    /// <summary>A member's sign of life is a matter of milliseconds. One without an answer may have gone to a machine that is no more, and is given again on a new connection.</summary>
    internal static readonly TimeSpan SignPatience = TimeSpan.FromSeconds(5);

    // Where the database was, nobody may be who would refuse a connection. Each is made with a new look-up of the database's name.
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private readonly Action<string> say;
    private readonly Action<string?>? seen;

    private ClusterDatabase(string connectionString, Action<string> say, Action<string?>? seen)
    {
        ConnectionString = connectionString;
        Source = NpgsqlDataSource.Create(Impatient(connectionString));
        this.say = say;
        this.seen = seen;
    }

    public string ConnectionString { get; }

    public NpgsqlDataSource Source { get; }

    /// <summary>Made with the tables: two clusters on two databases never take each other for one.</summary>
    public Guid Identity { get; private set; }

    /// <summary>Waits until the database answers and has its tables.</summary>
    /// <param name="connectionString">As Npgsql takes it.</param>
    /// <param name="say">Told when it has to wait, and why.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task<ClusterDatabase> OpenAsync(string connectionString, Action<string> say, CancellationToken cancellation) =>
        OpenAsync(connectionString, say, seen: null, cancellation);

    /// <summary>Waits until the database answers and has its tables.</summary>
    /// <param name="connectionString">As Npgsql takes it.</param>
    /// <param name="say">Told when it has to wait, and why.</param>
    /// <param name="seen">Told each time when it does not answer, and why; null when it does.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<ClusterDatabase> OpenAsync(string connectionString, Action<string> say, Action<string?>? seen, CancellationToken cancellation)
    {
        var database = new ClusterDatabase(connectionString, say, seen);
        try
        {
            database.Identity = await database.PatientlyAsync(database.EnsureTablesAsync, cancellation).ConfigureAwait(false);
            return database;
        }
        catch
        {
            await database.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Repeats what the database cannot do now, and says once that it waits.</summary>
    public async Task<T> PatientlyAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        bool waits = false;
        while (true)
        {
            try
            {
                T result = await work(cancellation).ConfigureAwait(false);
                seen?.Invoke(null);
                if (waits)
                {
                    say("the database is back.");
                }

                return result;
            }
            catch (Exception exception) when (IsPassing(exception) && !cancellation.IsCancellationRequested)
            {
                JobMetrics.DatabaseFailures.Add(JobMetrics.Membership);
                seen?.Invoke(Describe(exception));
                if (!waits)
                {
                    say($"waiting for the database ({Describe(exception)}).");
                }

                waits = true;
                await Task.Delay(RetryInterval, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Runs alone among all nodes; what it wrote is there for all of them, or, after an exception, for none.</summary>
    internal async Task<T> AloneAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellation)
    {
        await using NpgsqlConnection connection = await Source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellation).ConfigureAwait(false);
        await using (var command = new NpgsqlCommand("select pg_advisory_xact_lock($1)", connection) { Parameters = { new() { Value = AdvisoryLock } } })
        {
            await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
        }

        T result = await work(connection).ConfigureAwait(false);
        await transaction.CommitAsync(cancellation).ConfigureAwait(false);
        return result;
    }

    public ValueTask DisposeAsync() => Source.DisposeAsync();

    /// <summary>Away, restarting, full or read-only: all of that may be over in a moment. A wrong password is not.</summary>
    internal static bool IsPassing(Exception exception) => exception switch
    {
        PostgresException { SqlState: ['2', '8', ..] or ['3', 'D', ..] or ['4', '2', ..] } => false,
        NpgsqlException or TimeoutException or System.Net.Sockets.SocketException or IOException => true,
        _ => false,
    };

    /// <summary>A command that is not waited for longer than a sign of life is.</summary>
    internal static NpgsqlCommand Sign(NpgsqlCommand command)
    {
        command.CommandTimeout = (int)SignPatience.TotalSeconds;
        return command;
    }

    internal static string Describe(Exception exception) =>
        (exception as PostgresException)?.MessageText ?? exception.GetBaseException().Message;

    private static string Impatient(string connectionString) =>
        new DbConnectionStringBuilder { ConnectionString = connectionString }.ContainsKey(nameof(NpgsqlConnectionStringBuilder.Timeout))
            ? connectionString
            : new NpgsqlConnectionStringBuilder(connectionString) { Timeout = (int)ConnectPatience.TotalSeconds }.ConnectionString;

    // One row. Of several all nodes take the same, and where it was removed a new one tells this cluster from any other.
    private static async Task<Guid> IdentityAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(
            """
            insert into expocluster_identity select gen_random_uuid() where not exists (select 1 from expocluster_identity);
            select id from expocluster_identity order by id limit 1
            """,
            connection);
        return (Guid)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!;
    }

    private void SayVersion(int? before, int own)
    {
        if (before < own)
        {
            say($"the database was brought from version {before} to {own}.");
        }
        else if (before > own)
        {
            say($"the database is of version {before}, and this node knows version {own}: a newer version of ExpoCluster was here, and this one can go on beside it.");
        }
    }

    private async Task<Guid> EnsureTablesAsync(CancellationToken cancellation)
    {
        try
        {
            int? before = null;
            Guid identity = await AloneAsync(
                async connection =>
                {
                    before = await SchemaUpgrade.RunAsync(connection, transaction: null, SchemaSteps.PostgreSql, cancellation).ConfigureAwait(false);
                    return await IdentityAsync(connection, cancellation).ConfigureAwait(false);
                },
                cancellation).ConfigureAwait(false);
            SayVersion(before, SchemaSteps.PostgreSql[^1].Version);
            return identity;
        }
        catch (PostgresException exception) when (!IsPassing(exception))
        {
            throw new ClusterException(
                ClusterException.DatabaseRefuses,
                $"the database {Source.ConnectionString.Split(';').FirstOrDefault(part => part.StartsWith("Database=", StringComparison.Ordinal))} refuses this node ({exception.MessageText}).",
                "check user, password and database; the user must be allowed to create tables there.",
                exception);
        }
    }
}
