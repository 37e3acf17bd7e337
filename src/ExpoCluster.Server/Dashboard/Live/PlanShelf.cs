using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>Reads plans for pages, each once however many pages show it, and keeps of those that were read last what pages tell.</summary>
internal sealed class PlanShelf(PlanStore plans)
{
    private const int MaxKept = 32;

    private readonly Lock gate = new();
    private readonly LinkedList<(string Digest, Task<PlanFacts?> Facts)> kept = new();

    /// <summary>Null when the plan is gone: it lies beside the output while the job lives.</summary>
    /// <param name="output">Of the job.</param>
    /// <param name="job">Its id.</param>
    /// <param name="digest">Of the plan.</param>
    public Task<PlanFacts?> OfAsync(string output, string job, string digest)
    {
        lock (gate)
        {
            if (kept.FirstOrDefault(known => known.Digest == digest) is { Digest: not null } found && !IsNothing(found.Facts))
            {
                return found.Facts;
            }

            Task<PlanFacts?> facts = OwnThread.Run(() => Read(new OutputPaths(output).Plan(job), digest));
            kept.AddFirst((digest, facts));
            if (kept.Count > MaxKept)
            {
                kept.RemoveLast();
            }

            return facts;
        }
    }

    // Another job may have the same plan, and its file still.
    private static bool IsNothing(Task<PlanFacts?> facts) => facts is { IsCompletedSuccessfully: true, Result: null };

    private PlanFacts? Read(string path, string digest)
    {
        try
        {
            return PlanFacts.Of(plans.Look(path, digest));
        }
        catch (Exception exception) when (exception is ExpoException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
