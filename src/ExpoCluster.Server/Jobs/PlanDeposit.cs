using System.Collections.Immutable;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Server.Jobs;

/// <summary>A plan that is laid beside its output, where the job's coordinator looks for it. If the job is refused, all of it goes again.</summary>
/// <param name="paths">Of the output.</param>
/// <param name="job">The job's id.</param>
/// <param name="plan">Whose digest the job names.</param>
internal sealed class PlanDeposit(OutputPaths paths, string job, Plan plan)
{
    // The deepest first.
    private ImmutableArray<string> made = [];

    /// <summary>Makes the plan durable, and the directories that it needs.</summary>
    /// <exception cref="StorageException">It cannot be written, and nothing is left of it.</exception>
    public void Make(PlanStore plans)
    {
        made = MissingOnTheWayTo(paths.Workspace);
        try
        {
            Durability.CreateDirectory(paths.Workspace);
            plans.Save(paths.Plan(job), plan);
        }
        catch
        {
            Withdraw();
            throw;
        }
    }

    /// <summary>Removes what <see cref="Make"/> made and nobody else uses; what cannot be removed stays.</summary>
    public void Withdraw()
    {
        try
        {
            string path = paths.Plan(job);
            if (File.Exists(path) && PlanJson.Digest(PlainFile.Read(path, plan.CanonicalJson.Length)) == plan.Digest)
            {
                File.Delete(path);
            }

            foreach (string directory in made)
            {
                Directory.Delete(directory);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or StorageException)
        {
            // Somebody else has put something there, or the storage is away: the refusal is what is to be told.
        }
    }

    private static ImmutableArray<string> MissingOnTheWayTo(string directory)
    {
        var missing = ImmutableArray.CreateBuilder<string>();
        for (string? place = directory; place is not null && !Directory.Exists(place); place = Path.GetDirectoryName(place))
        {
            missing.Add(place);
        }

        return missing.ToImmutable();
    }
}
