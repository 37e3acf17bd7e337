using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Register;

/// <summary>The list of all jobs: what the journals say, projected into two tables beside them.</summary>
/// <remarks>
/// Coordinators write what they have journalled, and write it again when they recover, so nothing is ever missing for good. A row
/// carries the number of the event that it follows from: what is older never replaces what is newer, whoever comes late.
/// </remarks>
public sealed class JobRegister : IDisposable
{
    private readonly RegisterDatabase database;

    private JobRegister(RegisterDatabase database) => this.database = database;

    public void Dispose() => database.Dispose();

    /// <summary>Opens the register and brings its tables to this program's version.</summary>
    /// <param name="journal">The database that the journals are in.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="Membership.ClusterException">A newer version has changed them too much.</exception>
    public static async Task<JobRegister> OpenAsync(JournalSettings journal, CancellationToken cancellation = default)
    {
        var register = new JobRegister(new RegisterDatabase(journal));
        try
        {
            await register.database.UpgradeAsync(cancellation).ConfigureAwait(false);
            return register;
        }
        catch
        {
            register.Dispose();
            throw;
        }
    }

    /// <summary>Writes what became of a job, unless something newer is there.</summary>
    public Task WriteAsync(RegisterEntry entry, CancellationToken cancellation = default)
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
        return database.ExecuteAsync(cancellation, (RegisterSql.WriteChange, change), (RegisterSql.Write, row));
    }

    /// <summary>With its files; null when there is no such job.</summary>
    public async Task<RegisterEntry?> FindAsync(string job, CancellationToken cancellation = default)
    {
        ImmutableArray<RegisterEntry> found = await database.ReadAsync(
            RegisterSql.Find, [("@job", job)], row => EntryOf(row, withFiles: true), cancellation).ConfigureAwait(false);
        return found.FirstOrDefault();
    }

    /// <summary>Jobs that have not ended and write into this directory, or failed and could go on.</summary>
    public Task<ImmutableArray<RegisterEntry>> FindByOutputAsync(string output, CancellationToken cancellation = default) =>
        database.ReadAsync(RegisterSql.FindByOutput, [("@output", output)], row => EntryOf(row, withFiles: false), cancellation);

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
        return database.ReadAsync(RegisterSql.List(states.Count, after is not null), parameters, row => EntryOf(row, withFiles: false), cancellation);
    }

    /// <summary>Jobs that came into one of these states before a moment and have stayed there, the longest first.</summary>
    public Task<ImmutableArray<RegisterEntry>> ListOldAsync(
        IReadOnlyCollection<string> states, DateTimeOffset before, int limit, CancellationToken cancellation = default)
    {
        List<(string, object)> parameters = [("@limit", limit), ("@before", before.ToUnixTimeMilliseconds())];
        parameters.AddRange(states.Select((state, index) => (RegisterSql.StateParameter(index), (object)state)));
        return database.ReadAsync(RegisterSql.ListOld(states.Count), parameters, row => EntryOf(row, withFiles: false), cancellation);
    }

    /// <summary>Forgets a job that is over for good: its journal, its rows here, and its right to an output.</summary>
    /// <returns>False when it is not over, or not known.</returns>
    public Task<bool> RemoveAsync(string job, CancellationToken cancellation = default)
    {
        (string, object)[] parameters = [("@job", job)];
        return database.ExecuteIfAsync(
            cancellation,
            [(RegisterSql.Remove, parameters), .. RegisterSql.RemoveRest(database.IsClusters).Select(sql => (sql, parameters))]);
    }

    /// <summary>The states that a job came into behind this event, in order.</summary>
    public Task<ImmutableArray<RegisterChange>> ChangesAsync(string job, long after, CancellationToken cancellation = default) =>
        database.ReadAsync(RegisterSql.Changes, [("@job", job), ("@after", after)], ChangeOf, cancellation);

    /// <summary>Throws when the database does not answer.</summary>
    public Task PingAsync(CancellationToken cancellation) => database.ReadAsync(RegisterSql.Ping, [], _ => 0, cancellation);

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
}
