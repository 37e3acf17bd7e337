using System.Collections.Immutable;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Server.Jobs;

/// <summary>Forgets jobs that ended long ago: journal, list and claim. What they made stays, with its own record beside it.</summary>
/// <param name="register">The list of all jobs.</param>
/// <param name="cancel">Has a job's coordinator cancel it.</param>
/// <param name="clock">Says what is long ago.</param>
public sealed class JobPruning(JobRegister register, Func<string, CancellationToken, Task> cancel, TimeProvider clock)
{
    /// <summary>One call forgets no more.</summary>
    public const int MaxJobs = 1000;

    private static readonly TimeSpan SweepPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(200);

    /// <param name="states">Of those that a job ends in.</param>
    /// <param name="olderThan">Since when it must have been in its state.</param>
    /// <param name="dryRun">Only say which.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<PrunedJobs> RunAsync(IReadOnlyCollection<string> states, TimeSpan olderThan, bool dryRun, CancellationToken cancellation)
    {
        ImmutableArray<RegisterEntry> old = await register.ListOldAsync(
            states, clock.GetUtcNow() - olderThan, MaxJobs + 1, cancellation).ConfigureAwait(false);
        bool isMore = old.Length > MaxJobs;
        ImmutableArray<RegisterEntry> chosen = [.. old.Take(MaxJobs)];
        if (dryRun)
        {
            return new PrunedJobs([.. chosen.Select(entry => entry.Job)], [], isMore);
        }

        List<RegisterEntry> left = [];
        foreach (RegisterEntry entry in chosen)
        {
            if (entry.State != JobStates.Failed || await TryCancelAsync(entry.Job, cancellation).ConfigureAwait(false))
            {
                left.Add(entry);
            }
        }

        ImmutableArray<string> removed = await RemoveAsync(left, cancellation).ConfigureAwait(false);
        return new PrunedJobs(removed, [.. chosen.Select(entry => entry.Job).Except(removed)], isMore);
    }

    // A failed job could go on, and has its staging: what is cancelled cannot, and gives it up.
    private async Task<bool> TryCancelAsync(string job, CancellationToken cancellation)
    {
        try
        {
            await cancel(job, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (JobException)
        {
            // It failed while it was published, or nobody answers for it now.
            return false;
        }
    }

    private async Task<ImmutableArray<string>> RemoveAsync(List<RegisterEntry> left, CancellationToken cancellation)
    {
        var removed = ImmutableArray.CreateBuilder<string>();
        long began = clock.GetTimestamp();
        while (true)
        {
            foreach (RegisterEntry entry in left.Where(entry => !HasWorkspace(entry)).ToArray())
            {
                if (await register.RemoveAsync(entry.Job, cancellation).ConfigureAwait(false))
                {
                    removed.Add(entry.Job);
                }

                left.Remove(entry);
            }

            if (left.Count == 0 || clock.GetElapsedTime(began) >= SweepPatience)
            {
                return removed.ToImmutable();
            }

            await Task.Delay(LookInterval, clock, cancellation).ConfigureAwait(false);
        }
    }

    // The plan is the last that its coordinator removes from there, and without a journal nobody would.
    private static bool HasWorkspace(RegisterEntry entry) => entry.Output.Length > 0 && File.Exists(new OutputPaths(entry.Output).Plan(entry.Job));
}
