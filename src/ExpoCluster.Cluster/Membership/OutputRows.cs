using Npgsql;

namespace ExpoCluster.Cluster.Membership;

/// <summary>Admits one job of the cluster to an output directory.</summary>
public sealed class OutputRows(NpgsqlDataSource source)
{
    /// <summary>Takes the directory for a job, which may have it already.</summary>
    /// <param name="path">Its real path.</param>
    /// <param name="job">The job's id.</param>
    /// <returns>The job that has it: this one, or the one that came before.</returns>
    public async Task<string> ClaimAsync(string path, string job)
    {
        // An update that changes nothing makes the statement return the row that was there.
        await using NpgsqlCommand command = source.CreateCommand(
            """
            insert into expocluster_outputs as taken (path, job, at) values ($1, $2, clock_timestamp())
            on conflict (path) do update set job = taken.job
            returning job
            """);
        command.Parameters.Add(new() { Value = path });
        command.Parameters.Add(new() { Value = job });
        return (string)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
    }

    public async Task ReleaseAsync(string path, string job)
    {
        await using NpgsqlCommand command = source.CreateCommand("delete from expocluster_outputs where path = $1 and job = $2");
        command.Parameters.Add(new() { Value = path });
        command.Parameters.Add(new() { Value = job });
        await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }
}
