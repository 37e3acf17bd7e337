using System.Collections.Immutable;
using System.Collections.Concurrent;
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
    private const int MaxSaid = 100;

    private readonly RegisterDatabase database;
    private readonly Action<string>? say;

    // The list is read several times a second; what is wrong with a row is said once.
    private readonly ConcurrentDictionary<string, bool> said = new(StringComparer.Ordinal);

    private JobRegister(RegisterDatabase database, Action<string>? say)
    {
        this.database = database;
        this.say = say;
    }

    public void Dispose() => database.Dispose();

    /// <summary>Opens the register and brings its tables to this program's version.</summary>
    /// <param name="journal">The database that the journals are in.</param>
    /// <param name="say">Told of rows that are passed over.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="Membership.ClusterException">A newer version has changed them too much.</exception>
    public static async Task<JobRegister> OpenAsync(JournalSettings journal, Action<string>? say = null, CancellationToken cancellation = default)
    {
        var register = new JobRegister(new RegisterDatabase(journal), say);
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
    public Task WriteAsync(RegisterEntry entry, CancellationToken cancellation = default) => WriteAsync(entry, replaces: false, cancellation);

    private Task WriteAsync(RegisterEntry entry, bool replaces, CancellationToken cancellation)
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
        (string, (string, object)[])[] forget = replaces ? [(RegisterSql.Forget, change[..1])] : [];
        return database.ExecuteAsync(cancellation, [.. forget, (RegisterSql.WriteChange, change), (RegisterSql.Write, row)]);
    }

    /// <summary>Writes what a journal says, also over a row that cannot be read, or that claims events which the journal has not.</summary>
    public async Task MendAsync(RegisterEntry entry, CancellationToken cancellation = default)
    {
        bool isWrong = await FindAsync(entry.Job, cancellation).ConfigureAwait(false) is { } row && (row.Damage is not null || row.Sequence > entry.Sequence);
        await WriteAsync(entry, isWrong, cancellation).ConfigureAwait(false);
    }

    /// <summary>Writes a state that no event of the journal stands for, as where the journal cannot be read any more. A job that has ended for good stays as it is.</summary>
    /// <param name="entry">The job as it stands here.</param>
    /// <param name="state">It comes into this one.</param>
    /// <param name="reason">Why; null where there is nothing to say.</param>
    /// <param name="now">When.</param>
    /// <param name="cancellation">Ends it.</param>
    public Task MarkAsync(RegisterEntry entry, string state, JobReason? reason, DateTimeOffset now, CancellationToken cancellation = default)
    {
        if (entry.Damage is not null)
        {
            return OverrideAsync(entry.Job, state, now, cancellation);
        }

        (string, object)[] parameters =
        [
            ("@job", entry.Job),
            ("@state", state),
            ("@changed", now.ToUnixTimeMilliseconds()),
            ("@code", reason?.Code ?? ""),
            ("@message", reason?.Message ?? ""),
            ("@advice", reason?.Advice ?? ""),
        ];
        string facts = JsonSerializer.Serialize(entry.Facts with { Reason = reason }, RegisterJson.Default.RegisterFacts);
        return database.ExecuteAsync(cancellation, (RegisterSql.MarkChange, parameters), (RegisterSql.Mark, [.. parameters[..3], ("@facts", facts)]));
    }

    /// <summary>Writes a state into a row that cannot be read, of a job of which nothing else is known.</summary>
    public Task OverrideAsync(string job, string state, DateTimeOffset now, CancellationToken cancellation = default) => database.ExecuteAsync(
        cancellation, (RegisterSql.Override, [("@job", job), ("@state", state), ("@changed", now.ToUnixTimeMilliseconds())]));

    /// <summary>With its files; null when there is no such job.</summary>
    public async Task<RegisterEntry?> FindAsync(string job, CancellationToken cancellation = default)
    {
        ImmutableArray<RegisterEntry> found = await database.ReadAsync(
            RegisterSql.Find, [("@job", job)], row => RegisterRow.EntryOf(row, withFiles: true, PassOver), cancellation).ConfigureAwait(false);
        return found.FirstOrDefault();
    }

    /// <summary>Jobs that have not ended and write into this directory, or failed and could go on.</summary>
    public Task<ImmutableArray<RegisterEntry>> FindByOutputAsync(string output, CancellationToken cancellation = default) =>
        database.ReadAsync(RegisterSql.FindByOutput, [("@output", output)], row => RegisterRow.EntryOf(row, withFiles: false, PassOver), cancellation);

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
        return database.ReadAsync(RegisterSql.List(states.Count, after is not null), parameters, row => RegisterRow.EntryOf(row, withFiles: false, PassOver), cancellation);
    }

    /// <summary>Jobs that came into one of these states before a moment and have stayed there, the longest first.</summary>
    public Task<ImmutableArray<RegisterEntry>> ListOldAsync(
        IReadOnlyCollection<string> states, DateTimeOffset before, int limit, CancellationToken cancellation = default)
    {
        List<(string, object)> parameters = [("@limit", limit), ("@before", before.ToUnixTimeMilliseconds())];
        parameters.AddRange(states.Select((state, index) => (RegisterSql.StateParameter(index), (object)state)));
        return database.ReadAsync(RegisterSql.ListOld(states.Count), parameters, row => RegisterRow.EntryOf(row, withFiles: false, PassOver), cancellation);
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
        database.ReadAsync(RegisterSql.Changes, [("@job", job), ("@after", after)], row => RegisterRow.ChangeOf(row, PassOver), cancellation);

    /// <summary>The names under which sharding has journalled, in tables of its own journal beside the list.</summary>
    public Task<ImmutableArray<string>> ListShardingAsync(CancellationToken cancellation = default) =>
        database.ReadAsync(RegisterSql.ListSharding, [], row => row.GetString(0), cancellation);

    /// <summary>Removes all that sharding has journalled. No member may be running.</summary>
    public Task ForgetShardingAsync(CancellationToken cancellation = default) =>
        database.ExecuteAsync(cancellation, [.. RegisterSql.ForgetSharding.Select(sql => (sql, Array.Empty<(string, object)>()))]);

    /// <summary>Throws when the database does not answer.</summary>
    public Task PingAsync(CancellationToken cancellation) => database.ReadAsync(RegisterSql.Ping, [], _ => "", cancellation);

    private void PassOver(string why)
    {
        if (said.Count < MaxSaid && said.TryAdd(why, true))
        {
            say?.Invoke(why);
        }
    }
}
