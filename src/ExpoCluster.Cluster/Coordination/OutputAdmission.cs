using System.Collections.Immutable;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>Admits one job to an output directory: by a row of the database to one of the cluster's, by the claim file to one at all.</summary>
/// <remarks>
/// The row stays with the job, also when its coordinator moves. The claim is a lock of the process that the coordinator lives in:
/// one that takes over waits for it before it publishes, so two of them never publish at once.
/// </remarks>
/// <param name="rows">Null for a node alone, whose claim files are enough.</param>
public sealed class OutputAdmission(OutputRows? rows)
{
    /// <summary>Admits a new job, or throws with the name of the one that is there.</summary>
    /// <exception cref="ExpoException">Another job or an embedded merge works there, or has not finished.</exception>
    public async Task<OutputClaim> AdmitAsync(OutputPaths paths, string job, string planDigest)
    {
        string holder = rows is null ? job : await rows.ClaimAsync(paths.Root, job).ConfigureAwait(false);
        if (holder != job)
        {
            throw JobException.OutputTaken(paths.Root, holder);
        }

        try
        {
            return await OwnThread.Run(() => ClaimNew(paths, job, planDigest)).ConfigureAwait(false);
        }
        catch (ExpoException) when (rows is not null)
        {
            await rows.ReleaseAsync(paths.Root, job).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes the claim for a job that was admitted before; null while the process of its last coordinator still has it.</summary>
    public static Task<OutputClaim?> ReclaimAsync(OutputPaths paths, string job, string planDigest) => OwnThread.Run(() =>
    {
        OutputClaim? claim = TryClaim(paths);
        claim?.Write(RecordOf(job, planDigest));
        return claim;
    });

    /// <summary>Removes what an ended job leaves in its output, and frees it.</summary>
    /// <param name="paths">The output.</param>
    /// <param name="job">The job's id.</param>
    /// <param name="files">Its files.</param>
    /// <param name="claim">What the coordinator holds, if anything; it is given up.</param>
    /// <returns>False when it has to be tried again.</returns>
    public async Task<bool> ReleaseAsync(OutputPaths paths, string job, ImmutableArray<JobFileState> files, OutputClaim? claim)
    {
        await OwnThread.Run(() =>
        {
            WorkspaceSweep.Remove(paths, job, files);
            return true;
        }).ConfigureAwait(false);
        bool isOurs = claim is not null || rows is null || await rows.HolderOfAsync(paths.Root).ConfigureAwait(false) == job;
        if (isOurs && !await OwnThread.Run(() => RemoveWorkspace(paths, job, claim)).ConfigureAwait(false))
        {
            return false;
        }

        if (rows is not null)
        {
            await rows.ReleaseAsync(paths.Root, job).ConfigureAwait(false);
        }

        return true;
    }

    private static OutputClaim ClaimNew(OutputPaths paths, string job, string planDigest)
    {
        OutputClaim claim = OutputClaim.Acquire(paths);
        try
        {
            if (claim.Previous is { } previous && previous.Job != job)
            {
                if (File.Exists(paths.Journal))
                {
                    throw new UsageException(new RecipeProblem(
                        OutputPreflight.OtherPlanInProgress,
                        "output",
                        $"{paths.Root} holds the unfinished work of another merge (job {previous.Job}, on {previous.Host}).",
                        "finish that one, remove it, or choose another output."));
                }

                claim.Sweep(job);
            }

            claim.Write(RecordOf(job, planDigest));
            return claim;
        }
        catch
        {
            claim.Withdraw();
            throw;
        }
    }

    private static bool RemoveWorkspace(OutputPaths paths, string job, OutputClaim? held)
    {
        if (!Directory.Exists(paths.Workspace))
        {
            held?.Dispose();
            return true;
        }

        using OutputClaim? claim = held ?? TryClaim(paths);
        if (claim is null)
        {
            return false;
        }

        if (held is not null || claim.Previous?.Job == job)
        {
            return claim.RemoveWorkspace() is null;
        }

        return true;
    }

    private static OutputClaim? TryClaim(OutputPaths paths)
    {
        try
        {
            return OutputClaim.Acquire(paths);
        }
        catch (JobException exception) when (exception.Code == JobException.Claimed)
        {
            return null;
        }
    }

    private static ClaimRecord RecordOf(string job, string planDigest) =>
        new(job, planDigest, Environment.MachineName, Environment.ProcessId, InFlight: []);
}
