using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>What an operator may want to know of a job's attempts. Not journalled: it begins anew with each coordinator.</summary>
internal sealed class JobChronicle
{
    /// <summary>So many are remembered of a job whose parts fail by the thousand.</summary>
    public const int MaxFailures = 40;

    public const int MaxSlowParts = 8;

    private const int MaxMessageLength = 400;

    private readonly Queue<AttemptFailure> failures = new();
    private readonly List<SlowPart> slowest = [];
    private int attempts;
    private int failedAttempts;

    public void Assigned(int count) => attempts += count;

    public void Failed(PartLease lease, string code, string message, DateTimeOffset now)
    {
        failedAttempts++;
        failures.Enqueue(new AttemptFailure
        {
            UnixMs = now.ToUnixTimeMilliseconds(),
            Worker = lease.Worker,
            File = lease.File,
            Part = lease.Part,
            Code = code,
            Message = message.Length > MaxMessageLength ? message[..MaxMessageLength] : message,
        });
        while (failures.Count > MaxFailures)
        {
            failures.Dequeue();
        }
    }

    public void Finished(PartLease lease, DateTimeOffset now)
    {
        long ms = (long)(now - lease.Since).TotalMilliseconds;
        if (slowest.Count == MaxSlowParts && slowest[^1].Ms >= ms)
        {
            return;
        }

        int place = slowest.FindIndex(part => part.Ms < ms);
        slowest.Insert(place < 0 ? slowest.Count : place, new SlowPart { File = lease.File, Part = lease.Part, Worker = lease.Worker, Ms = ms });
        if (slowest.Count > MaxSlowParts)
        {
            slowest.RemoveAt(MaxSlowParts);
        }
    }

    public void TellIn(JobProgress progress)
    {
        progress.Attempts = attempts;
        progress.FailedAttempts = failedAttempts;
        progress.Failures.AddRange(failures);
        progress.Slowest.AddRange(slowest);
    }
}
