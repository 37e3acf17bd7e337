using Akka.Actor;
using Akka.Coordination;
using ExpoCluster.Cluster.Coordination;
using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>A right that one node has at a time, in the database: in a partition it decides which side goes on.</summary>
/// <remarks>Akka makes it by name from its settings; see the split-brain resolver's in the node's configuration.</remarks>
public sealed class DatabaseLease : Lease, IDisposable
{
    private readonly NpgsqlDataSource source;
    private readonly Func<string> self;
    private readonly Lock holding = new();
    private CancellationTokenSource? renewal;

    public DatabaseLease(LeaseSettings settings, ExtendedActorSystem system)
        : this(settings, system, () => WorkerDirectory.OwnName(system))
    {
    }

    /// <param name="settings">Akka's.</param>
    /// <param name="system">With which it ends.</param>
    /// <param name="self">The member's name; not known yet when Akka makes this.</param>
    internal DatabaseLease(LeaseSettings settings, ExtendedActorSystem system, Func<string> self)
        : base(settings)
    {
        this.self = self;
        source = NpgsqlDataSource.Create(settings.LeaseConfig.GetString("connection-string"));
        system.RegisterOnTermination(Dispose);
    }

    public override Task<bool> Acquire() => Acquire(leaseLostCallback: null!);

    public override async Task<bool> Acquire(Action<Exception> leaseLostCallback)
    {
        if (!await TryTakeAsync().ConfigureAwait(false))
        {
            return false;
        }

        var token = new CancellationTokenSource();
        lock (holding)
        {
            renewal?.Cancel();
            renewal = token;
        }

        _ = RenewAsync(leaseLostCallback, token);
        return true;
    }

    public override async Task<bool> Release()
    {
        Forget();
        await using NpgsqlCommand command = source.CreateCommand("delete from expocluster_leases where name = $1 and owner = $2");
        command.Parameters.Add(new() { Value = Settings.LeaseName });
        command.Parameters.Add(new() { Value = Settings.OwnerName });
        await command.ExecuteNonQueryAsync().ConfigureAwait(false);
        return true;
    }

    public override bool CheckLease()
    {
        lock (holding)
        {
            return renewal is not null;
        }
    }

    public void Dispose()
    {
        Forget();
        source.Dispose();
    }

    // An end far beyond what any owner asks for is none of theirs. And never for a member that the others have given up, however free it is: they went on without it.
    private async Task<bool> TryTakeAsync()
    {
        await using NpgsqlCommand command = source.CreateCommand(
            """
            insert into expocluster_leases as held (name, owner, until)
            select $1, $2, clock_timestamp() + $3 where not exists (select 1 from expocluster_removed where member = $4)
            on conflict (name) do update set owner = excluded.owner, until = excluded.until
            where held.owner = excluded.owner or held.until < clock_timestamp() or held.until > clock_timestamp() + 10 * $3
            returning owner
            """);
        command.Parameters.Add(new() { Value = Settings.LeaseName });
        command.Parameters.Add(new() { Value = Settings.OwnerName });
        command.Parameters.Add(new() { Value = Settings.TimeoutSettings.HeartbeatTimeout });
        command.Parameters.Add(new() { Value = self() });
        return await command.ExecuteScalarAsync().ConfigureAwait(false) is not null;
    }

    private async Task RenewAsync(Action<Exception>? lost, CancellationTokenSource token)
    {
        using var timer = new PeriodicTimer(Settings.TimeoutSettings.HeartbeatInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(token.Token).ConfigureAwait(false))
            {
                if (!await TryTakeAsync().ConfigureAwait(false))
                {
                    throw new InvalidOperationException($"Lease {Settings.LeaseName} was taken by another node.");
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It was given back.
        }
        catch (Exception exception) when (exception is NpgsqlException or InvalidOperationException)
        {
            Forget();
            lost?.Invoke(exception);
        }
        finally
        {
            token.Dispose();
        }
    }

    private void Forget()
    {
        lock (holding)
        {
            renewal?.Cancel();
            renewal = null;
        }
    }
}
