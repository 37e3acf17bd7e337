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
        // An update that changes nothing makes the statement return the row that was there. A job that never came to journal its
        // submission does not hold a directory for ever.
        await using NpgsqlCommand command = source.CreateCommand(
            """
            insert into expocluster_outputs as taken (path, job, at) values ($1, $2, clock_timestamp())
            on conflict (path) do update set job = case
              when (taken.at < clock_timestamp() - interval '1 minute' or taken.at > clock_timestamp() + interval '1 minute')
                and not exists (select 1 from journal where persistence_id = 'job-' || taken.job) then excluded.job
              else taken.job end
            returning job
            """);
        command.Parameters.Add(new() { Value = path });
        command.Parameters.Add(new() { Value = job });
        return (string)(await command.ExecuteScalarAsync().ConfigureAwait(false))!;
    }

    /// <summary>The job that has the directory, if any.</summary>
    public async Task<string?> HolderOfAsync(string path)
    {
        await using NpgsqlCommand command = source.CreateCommand("select job from expocluster_outputs where path = $1");
        command.Parameters.Add(new() { Value = path });
        return await command.ExecuteScalarAsync().ConfigureAwait(false) as string;
    }

    public async Task ReleaseAsync(string path, string job)
    {
        await using NpgsqlCommand command = source.CreateCommand("delete from expocluster_outputs where path = $1 and job = $2");
        command.Parameters.Add(new() { Value = path });
        command.Parameters.Add(new() { Value = job });
        await command.ExecuteNonQueryAsync().ConfigureAwait(false);
    }
}
