using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>Members that the others gave up, in the database: one that was only stopped for a while must not take itself for the cluster.</summary>
/// <remarks>
/// The split-brain resolver's lease is given back soon after a decision, so a process that slept through all of it finds the lease
/// free, and the others silent.
/// </remarks>
internal sealed class RemovedMembers(NpgsqlDataSource source)
{
    private static readonly TimeSpan ForgetAfter = TimeSpan.FromDays(7);

    /// <summary>Notes a member by its name, which no other process ever has; any number of nodes may.</summary>
    /// <returns>The rows that were written.</returns>
    public async Task<int> AddAsync(string member, CancellationToken cancellation)
    {
        await using NpgsqlBatch batch = source.CreateBatch();
        batch.BatchCommands.Add(new NpgsqlBatchCommand(
            "insert into expocluster_removed (member, at) values ($1, clock_timestamp()) on conflict (member) do nothing")
        {
            Parameters = { new() { Value = member } },
        });
        batch.BatchCommands.Add(new NpgsqlBatchCommand("delete from expocluster_removed where at < clock_timestamp() - $1")
        {
            Parameters = { new() { Value = ForgetAfter } },
        });
        return await batch.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
    }

    public async Task<bool> ContainsAsync(string member, CancellationToken cancellation)
    {
        await using NpgsqlCommand command = ClusterDatabase.Sign(
            source.CreateCommand("select exists (select 1 from expocluster_removed where member = $1)"));
        command.Parameters.Add(new() { Value = member });
        return (bool)(await command.ExecuteScalarAsync(cancellation).ConfigureAwait(false))!;
    }
}
