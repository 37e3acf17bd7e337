using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>The jobs of this process whose journal turned out to be damaged, each with what is wrong.</summary>
/// <remarks>Akka stops whoever cannot be recovered, and starts him again for the next message: by then this says that it is of no use.</remarks>
internal sealed class DamagedJobs
{
    private readonly ConcurrentDictionary<string, JobReason> known = new(StringComparer.Ordinal);

    public void Add(string job, JobReason reason) => known[job] = reason;

    public bool TryFind(string job, [NotNullWhen(true)] out JobReason? reason) => known.TryGetValue(job, out reason);

    /// <summary>Somebody says that it has been repaired.</summary>
    public void Forget(string job) => known.TryRemove(job, out _);
}
