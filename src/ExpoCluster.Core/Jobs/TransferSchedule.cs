using System.Collections.Immutable;

namespace ExpoCluster.Core.Jobs;

/// <summary>A file that a worker fetches until the lease runs out.</summary>
/// <param name="Attempt">Its name.</param>
/// <param name="Transfer">Index of the transfer in the job.</param>
/// <param name="Worker">Who has it.</param>
/// <param name="ExpiresAt">Unless it is heard to get on before.</param>
/// <param name="Activity">Grows with every sign of life: bytes, and waiting that somebody asked for.</param>
public sealed record TransferLease(Attempt Attempt, int Transfer, string Worker, DateTimeOffset ExpiresAt, long Activity);

/// <summary>Who fetches which file at the moment. Not journalled: what a dead worker had of a file lies beside it in the cache.</summary>
/// <remarks>
/// A file that the Hub or the network fails to give is tried again after a wait that doubles. Bytes that arrive in between start the
/// count anew, so only an outage that lasts stops a job.
/// </remarks>
public sealed class TransferSchedule(JobState state, TimeSpan leaseDuration)
{
    /// <summary>How often in a row a file may fail to come, without a byte in between, before the job rests.</summary>
    public const int MaxOutages = 5;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly SortedSet<int> open = [.. state.OpenTransfers];
    private readonly Dictionary<Attempt, TransferLease> leases = [];
    private readonly Dictionary<int, int> outages = [];
    private readonly Dictionary<int, DateTimeOffset> notBefore = [];
    private readonly Dictionary<int, long> bytesDone = [];
    private int lastNumber;

    public IReadOnlyCollection<TransferLease> Leases => leases.Values;

    /// <summary>Files that are not there, those that are fetched and those that are tried again later among them.</summary>
    public int Missing => open.Count + leases.Count;

    /// <summary>Whether a worker that asks now may get something.</summary>
    public bool HasWork(DateTimeOffset now) => open.Any(transfer => IsDue(transfer, now));

    /// <summary>Bytes that are known to have arrived.</summary>
    public long BytesDone(int transfer) => bytesDone.GetValueOrDefault(transfer);

    /// <summary>Gives a worker up to <paramref name="count"/> files, in their order.</summary>
    /// <param name="incarnation">Of the coordinator.</param>
    /// <param name="worker">Who asks.</param>
    /// <param name="count">For how many it has room.</param>
    /// <param name="now">The time.</param>
    public ImmutableArray<TransferLease> Assign(int incarnation, string worker, int count, DateTimeOffset now)
    {
        ImmutableArray<TransferLease> assigned =
        [
            .. open.Where(transfer => IsDue(transfer, now)).Take(count)
                .Select(transfer => new TransferLease(new Attempt(incarnation, ++lastNumber), transfer, worker, now + leaseDuration, Activity: 0)),
        ];
        foreach (TransferLease lease in assigned)
        {
            leases[lease.Attempt] = lease;
            open.Remove(lease.Transfer);
        }

        return assigned;
    }

    /// <summary>Extends a lease that gets on; false when it is no longer the worker's.</summary>
    public bool Renew(Attempt attempt, string worker, long bytes, long activity, DateTimeOffset now)
    {
        if (!leases.TryGetValue(attempt, out TransferLease? lease) || lease.Worker != worker)
        {
            return false;
        }

        if (bytes > BytesDone(lease.Transfer))
        {
            outages.Remove(lease.Transfer);
        }

        bytesDone[lease.Transfer] = bytes;
        leases[attempt] = activity > lease.Activity ? lease with { Activity = activity, ExpiresAt = now + leaseDuration } : lease;
        return true;
    }

    /// <summary>Takes over a lease that an earlier coordinator gave out, when its file is still to be fetched.</summary>
    public bool Adopt(Attempt attempt, int transfer, string worker, long bytes, long activity, DateTimeOffset now)
    {
        if (!open.Remove(transfer))
        {
            return false;
        }

        leases[attempt] = new TransferLease(attempt, transfer, worker, now + leaseDuration, activity);
        bytesDone[transfer] = bytes;
        return true;
    }

    /// <summary>The file is there, whoever brought it.</summary>
    public void Complete(int transfer)
    {
        open.Remove(transfer);
        outages.Remove(transfer);
        notBefore.Remove(transfer);
        foreach (TransferLease lease in leases.Values.Where(lease => lease.Transfer == transfer).ToList())
        {
            leases.Remove(lease.Attempt);
        }
    }

    /// <summary>The file is to be fetched again, for somebody has removed it.</summary>
    public void Reopen(int transfer)
    {
        open.Add(transfer);
        bytesDone.Remove(transfer);
    }

    /// <summary>The attempt ended without a file, which is offered again at once.</summary>
    /// <returns>False when it was no longer anybody's.</returns>
    public bool Release(Attempt attempt)
    {
        if (!leases.Remove(attempt, out TransferLease? lease))
        {
            return false;
        }

        open.Add(lease.Transfer);
        return true;
    }

    /// <summary>The Hub could not be reached, or failed: the file is offered again after a while.</summary>
    /// <returns>How often in a row.</returns>
    public int NoteOutage(Attempt attempt, DateTimeOffset now)
    {
        if (!leases.TryGetValue(attempt, out TransferLease? lease))
        {
            return 0;
        }

        Release(attempt);
        int count = outages.GetValueOrDefault(lease.Transfer) + 1;
        outages[lease.Transfer] = count;
        TimeSpan wait = TimeSpan.FromSeconds(Math.Pow(2, count));
        notBefore[lease.Transfer] = now + (wait < LongestWait ? wait : LongestWait);
        return count;
    }

    /// <summary>The worker is gone: whoever is next goes on where it was.</summary>
    public int LoseWorker(string worker) => ReleaseAll(lease => lease.Worker == worker);

    /// <summary>Leases of which nothing was heard for too long end.</summary>
    public int Expire(DateTimeOffset now) => ReleaseAll(lease => lease.ExpiresAt <= now);

    private int ReleaseAll(Func<TransferLease, bool> isMeant) => leases.Values.Where(isMeant).ToList().Count(lease => Release(lease.Attempt));

    private bool IsDue(int transfer, DateTimeOffset now) => !notBefore.TryGetValue(transfer, out DateTimeOffset time) || time <= now;
}
