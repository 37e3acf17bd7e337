using System.Collections.Immutable;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>What can still be done for a job whose journal cannot be read: the list of jobs knows its output and its state.</summary>
/// <param name="job">The job's id.</param>
/// <param name="register">The list of jobs.</param>
/// <param name="admission">Who admitted it to its output.</param>
/// <param name="clock">For the time of its end.</param>
internal sealed class DamagedJobEnd(string job, JobRegister register, OutputAdmission? admission, TimeProvider clock)
{
    private static readonly string Publishing = JobPhase.Publishing.Word();
    private static readonly string Cancelled = JobPhase.Cancelled.Word();

    /// <summary>Enters the job into the list as failed.</summary>
    public async Task FailAsync(JobReason reason)
    {
        if (await register.FindAsync(job).ConfigureAwait(false) is { } entry)
        {
            await register.MarkAsync(entry, JobPhase.Failed.Word(), reason, clock.GetUtcNow()).ConfigureAwait(false);
        }
    }

    /// <summary>Removes what the job left in its output, frees that, and enters the job as cancelled.</summary>
    /// <returns>False when the output is held by another process, and it has to be tried again.</returns>
    /// <exception cref="JobException">It is done, or was being published.</exception>
    public async Task<bool> CancelAsync()
    {
        RegisterEntry? entry = await register.FindAsync(job).ConfigureAwait(false);
        if (entry is null || entry.State == Cancelled)
        {
            return true;
        }

        if (entry.State == JobPhase.Done.Word())
        {
            throw JobException.NotPossible(job, entry.State, "it cannot be cancelled");
        }

        if (entry.Output.Length > 0 && !await FreeAsync(new OutputPaths(entry.Output)).ConfigureAwait(false))
        {
            return false;
        }

        await register.MarkAsync(entry, Cancelled, reason: null, clock.GetUtcNow()).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> FreeAsync(OutputPaths paths)
    {
        ImmutableArray<RegisterChange> changes = await register.ChangesAsync(job, after: 0).ConfigureAwait(false);
        if (changes.Any(change => change.State == Publishing) && Directory.Exists(paths.Workspace))
        {
            // Parts of this model, or of the one that it replaces, may be there and nowhere else.
            throw JobException.NotPossible(
                job, Publishing, $"it cannot be cancelled while {paths.Workspace} may hold parts of its output, or of the one that it replaces");
        }

        return admission is null || await admission.ReleaseAsync(paths, job, files: [], claim: null).ConfigureAwait(false);
    }
}
