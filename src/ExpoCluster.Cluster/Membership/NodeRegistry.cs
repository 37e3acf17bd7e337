using System.Collections.Immutable;
using ExpoCluster.Tensors;
using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>What nodes tell each other through the database: where they are, and which cluster they formed.</summary>
internal sealed class NodeRegistry(ClusterDatabase database, string self, Action<string>? say = null)
{
    private static readonly TimeSpan ForgetAfter = TimeSpan.FromDays(1);

    private readonly HashSet<string> passedOver = new(StringComparer.Ordinal);

    /// <summary>Registers this node; then either forms a cluster or says whom to ask, with no other node deciding at the same time.</summary>
    /// <param name="knocked">How long this node has asked others in vain.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Whom to ask; null when this node is to form the cluster, and others will ask it from now on.</returns>
    public Task<ImmutableArray<string>?> FormOrFindAsync(TimeSpan knocked, CancellationToken cancellation) => database.AloneAsync(
        async connection =>
        {
            ImmutableArray<string>? others = FormationRules.Decide(await ReadAsync(connection, cancellation).ConfigureAwait(false), self, knocked);
            await SeeAsync(connection, isMember: others is null, cancellation).ConfigureAwait(false);
            if (others is null)
            {
                await ExecuteAsync(connection, "insert into expocluster_formations (formed_by, at) values ($1, clock_timestamp())", self, cancellation).ConfigureAwait(false);
                await ExecuteAsync(connection, "delete from expocluster_nodes where seen < clock_timestamp() - $1", ForgetAfter, cancellation).ConfigureAwait(false);
            }

            return others;
        },
        cancellation);

    /// <summary>Says that this member is well.</summary>
    /// <returns>Which formation is the current one.</returns>
    public async Task<long> BeSeenAsync(CancellationToken cancellation)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await SeeAsync(connection, isMember: true, cancellation).ConfigureAwait(false);
        await using NpgsqlCommand command = ClusterDatabase.Sign(new NpgsqlCommand("select coalesce(max(id), 0) from expocluster_formations", connection));
        return (long)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!;
    }

    /// <summary>All nodes that the database knows.</summary>
    public async Task<ImmutableArray<NodeRow>> ReadAsync(CancellationToken cancellation)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        return await ReadAsync(connection, cancellation).ConfigureAwait(false);
    }

    public async Task ForgetAsync(CancellationToken cancellation)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
        await ExecuteAsync(connection, "delete from expocluster_nodes where address = $1", self, cancellation).ConfigureAwait(false);
    }

    // The age as seconds, for times that somebody else wrote may have no difference that is one.
    private async Task<ImmutableArray<NodeRow>> ReadAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        var rows = ImmutableArray.CreateBuilder<NodeRow>();
        await using NpgsqlCommand command = ClusterDatabase.Sign(new NpgsqlCommand(
            """
            select address, is_member, case when isfinite(seen) then (extract(epoch from clock_timestamp()) - extract(epoch from seen))::double precision end
            from expocluster_nodes
            """,
            connection));
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellation).ConfigureAwait(false);
        while (await reader.ReadAsync(cancellation).ConfigureAwait(false))
        {
            string address = reader.GetString(0);
            double? seconds = await reader.IsDBNullAsync(2, cancellation).ConfigureAwait(false) ? null : reader.GetDouble(2);
            if (NodeRow.TryRead(address, reader.GetBoolean(1), seconds) is { } row)
            {
                rows.Add(row);
            }
            else if (passedOver.Add(address))
            {
                say?.Invoke($"a row of the table expocluster_nodes is no node's and is passed over: '{Printable.Of(address)}'.");
            }
        }

        return rows.ToImmutable();
    }

    private async Task SeeAsync(NpgsqlConnection connection, bool isMember, CancellationToken cancellation)
    {
        await using NpgsqlCommand command = ClusterDatabase.Sign(new NpgsqlCommand(
            """
            insert into expocluster_nodes (address, is_member, seen) values ($1, $2, clock_timestamp())
            on conflict (address) do update set is_member = excluded.is_member, seen = excluded.seen
            """,
            connection)
        {
            Parameters = { new() { Value = self }, new() { Value = isMember } },
        });
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, object parameter, CancellationToken cancellation)
    {
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new() { Value = parameter } } };
        await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }
}
