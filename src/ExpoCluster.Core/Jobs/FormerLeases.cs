namespace ExpoCluster.Core.Jobs;

/// <summary>Who may still write under leases that coordinators before the present one gave out. Until that is nobody, no file is sealed.</summary>
/// <remarks>
/// Each worker that was given parts is asked what it holds. What it names is taken over or called back, and from then on it refuses what an
/// earlier coordinator may still have sent. Who does not answer is waited for until the longest lease has run out.
/// </remarks>
public sealed class FormerLeases
{
    private readonly HashSet<string> unanswered;
    private readonly bool hasUnnamed;
    private readonly DateTimeOffset end;

    private FormerLeases(IEnumerable<string> workers, bool hasUnnamed, DateTimeOffset end)
    {
        unanswered = new HashSet<string>(workers, StringComparer.Ordinal);
        this.hasUnnamed = hasUnnamed;
        this.end = end;
    }

    /// <summary>Workers that have not said yet what they hold.</summary>
    public IReadOnlyCollection<string> Unanswered => unanswered;

    /// <summary>Those that a coordinator finds which has just taken over.</summary>
    /// <param name="state">With the new incarnation.</param>
    /// <param name="end">When the last of them has run out at the latest.</param>
    public static FormerLeases Of(JobState state, DateTimeOffset end) => new(
        state.Engaged.Where(worker => worker.Value < state.Incarnation).Select(worker => worker.Key), state.HasUnnamedWorkers, end);

    /// <summary>Whether somebody may still write under one of them.</summary>
    public bool AreLeft(DateTimeOffset now) => now < end && (hasUnnamed || unanswered.Count > 0);

    /// <summary>The worker has said what it holds, and all of it is known to this coordinator.</summary>
    public void Settle(string worker) => unanswered.Remove(worker);

    /// <summary>This worker can be reached, so those that had its address before it are dead.</summary>
    public void Succeed(string worker) => unanswered.RemoveWhere(other => WorkerName.IsPredecessor(other, worker));
}
