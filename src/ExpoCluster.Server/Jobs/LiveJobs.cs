using System.Collections.Concurrent;
using ExpoCluster.Cluster.Hosting;

namespace ExpoCluster.Server.Jobs;

/// <summary>How jobs get on that somebody looks at: one conversation with a coordinator, however many look.</summary>
public sealed class LiveJobs(Node node, TimeProvider clock)
{
    private readonly ConcurrentDictionary<string, LiveJob> jobs = new(StringComparer.Ordinal);

    /// <summary>Begins to follow a job, or goes on. Whoever wants it to be followed asks again within seconds.</summary>
    public LiveJob Follow(string id)
    {
        LiveJob job = jobs.GetOrAdd(id, _ => new LiveJob(id, clock));
        job.Touch();
        if (job.MustStart())
        {
            node.System.ActorOf(Follower.PropsFor(job, node.Coordinators, () => jobs.TryRemove(KeyValuePair.Create(id, job))));
        }

        return job;
    }
}
