using Akka.Actor;
using Akka.Cluster;
using Akka.Coordination;
using ExpoCluster.Cluster.Coordination;
using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>A right that one node has at a time, in the database: in a partition it decides which side goes on.</summary>
/// <remarks>
/// Akka makes it by name from its settings; see the split-brain resolver's in the node's configuration. An owner that lives renews
/// its row. Whoever finds it taken waits until it sees which of these holds: the row was renewed, so the other side goes on; or it
/// ran out, so its owner is dead. An owner on this side of a partition has decided for this side: its right is taken over at once.
/// Akka ends all nodes of a side that gets no lease, so a database that is slow or away is asked again for
/// <c>lease-operation-timeout</c>.
/// </remarks>
public sealed class DatabaseLease : Lease, IDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    private readonly NpgsqlDataSource source;
    private readonly Func<string> self;
    private readonly Func<string, bool> isOnThisSide;
    private readonly Lock holding = new();
    private CancellationTokenSource? renewal;

    public DatabaseLease(LeaseSettings settings, ExtendedActorSystem system)
        : this(settings, system, () => WorkerDirectory.OwnName(system), owner => IsReachable(system, owner))
    {
    }

    /// <param name="settings">Akka's.</param>
    /// <param name="system">With which it ends.</param>
    /// <param name="self">The member's name; not known yet when Akka makes this.</param>
    /// <param name="isOnThisSide">Whether an owner is a member that can be reached from here.</param>
    internal DatabaseLease(LeaseSettings settings, ExtendedActorSystem system, Func<string> self, Func<string, bool> isOnThisSide)
        : base(settings)
    {
        this.self = self;
        this.isOnThisSide = isOnThisSide;
        source = NpgsqlDataSource.Create(settings.LeaseConfig.GetString("connection-string"));
        system.RegisterOnTermination(Dispose);
    }

    public override Task<bool> Acquire() => Acquire(leaseLostCallback: null!);

    public override async Task<bool> Acquire(Action<Exception> leaseLostCallback)
    {
        if (!await TakeInTimeAsync().ConfigureAwait(false))
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

    private static bool IsReachable(ActorSystem system, string owner)
    {
        ClusterEvent.CurrentClusterState state = Akka.Cluster.Cluster.Get(system).State;
        return state.Members.Except(state.Unreachable).Any(member => member.Address.HostPort() == owner);
    }

    private async Task<bool> TakeInTimeAsync()
    {
        long began = TimeProvider.System.GetTimestamp();
        Standing? first = null;
        string predecessor = Settings.OwnerName;
        while (true)
        {
            try
            {
                if (await TryTakeAsync(predecessor).ConfigureAwait(false))
                {
                    return true;
                }

                Standing now = await LookAsync().ConfigureAwait(false);
                if (now.IsBarred || (first?.Owner is not null && now.Owner is not null && now != first && !isOnThisSide(now.Owner)))
                {
                    return false;
                }

                predecessor = now.Owner is { } owner && isOnThisSide(owner) ? owner : Settings.OwnerName;
                first = now;
            }
            catch (NpgsqlException) when (TimeProvider.System.GetElapsedTime(began) < Settings.TimeoutSettings.OperationTimeout)
            {
                JobMetrics.DatabaseFailures.Add(JobMetrics.Membership);
            }

            await Task.Delay(LookInterval).ConfigureAwait(false);
        }
    }

    // An end far beyond what any owner asks for is none of theirs. And never for a member that the others have given up, however free it is: they went on without it.
    private async Task<bool> TryTakeAsync(string predecessor)
    {
        await using NpgsqlCommand command = source.CreateCommand(
            """
            insert into expocluster_leases as held (name, owner, until)
            select $1, $2, clock_timestamp() + $3 where not exists (select 1 from expocluster_removed where member = $4)
            on conflict (name) do update set owner = excluded.owner, until = excluded.until
            where held.owner in (excluded.owner, $5) or held.until < clock_timestamp() or held.until > clock_timestamp() + 10 * $3
            returning owner
            """);
        command.Parameters.Add(new() { Value = Settings.LeaseName });
        command.Parameters.Add(new() { Value = Settings.OwnerName });
        command.Parameters.Add(new() { Value = Settings.TimeoutSettings.HeartbeatTimeout });
        command.Parameters.Add(new() { Value = self() });
        command.Parameters.Add(new() { Value = predecessor });
        return await command.ExecuteScalarAsync().ConfigureAwait(false) is not null;
    }

    private async Task<Standing> LookAsync()
    {
        await using NpgsqlCommand command = source.CreateCommand(
            """
            select exists (select 1 from expocluster_removed where member = $2), held.owner, held.until
            from (select) one left join expocluster_leases held on held.name = $1
            """);
        command.Parameters.Add(new() { Value = Settings.LeaseName });
        command.Parameters.Add(new() { Value = self() });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync().ConfigureAwait(false);
        await reader.ReadAsync().ConfigureAwait(false);
        return reader.IsDBNull(1) ? new Standing(reader.GetBoolean(0), null, default) : new Standing(reader.GetBoolean(0), reader.GetString(1), reader.GetDateTime(2));
    }

    private async Task RenewAsync(Action<Exception>? lost, CancellationTokenSource token)
    {
        using var timer = new PeriodicTimer(Settings.TimeoutSettings.HeartbeatInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(token.Token).ConfigureAwait(false))
            {
                if (!await TryTakeAsync(Settings.OwnerName).ConfigureAwait(false))
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

    /// <param name="IsBarred">This member itself was given up by the others.</param>
    /// <param name="Owner">Who has the lease; null when nobody has.</param>
    /// <param name="Until">When it ends, by the database's clock, if it is not renewed.</param>
    private sealed record Standing(bool IsBarred, string? Owner, DateTime Until);
}
