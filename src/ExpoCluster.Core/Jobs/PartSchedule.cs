using System.Collections.Immutable;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Jobs;

/// <summary>The fencing name of one assignment of one part.</summary>
/// <param name="Incarnation">Of the coordinator that gave it out.</param>
/// <param name="Number">Unique within that incarnation.</param>
public readonly record struct Attempt(int Incarnation, int Number);

/// <summary>A part that a worker may write until the lease runs out.</summary>
/// <param name="Attempt">Its name.</param>
/// <param name="File">Index of the file in the layout: in a sweep that of the first alpha, though all are written.</param>
/// <param name="Part">Index of the part in the file.</param>
/// <param name="Generation">Of that staging file.</param>
/// <param name="Worker">Who has it.</param>
/// <param name="Mode">How the inputs are to be read.</param>
/// <param name="ExpiresAt">Unless progress is reported before.</param>
/// <param name="BytesDone">As last reported.</param>
public sealed record PartLease(
    Attempt Attempt, int File, int Part, int Generation, string Worker, ReadMode Mode, DateTimeOffset ExpiresAt, long BytesDone)
{
    /// <summary>When it was given out, or taken over by this coordinator.</summary>
    public required DateTimeOffset Since { get; init; }
}

/// <summary>Who computes what at the moment. Not journalled: after a crash all of it is given out again.</summary>
/// <remarks>
/// A suspect is a part that was being computed when its worker died without a farewell. An input that was truncated under a
/// mapping kills the process that reads it, so suspects run alone and through positioned reads, before anything else.
/// A straggler is a part that is still under way when nothing is left to give out: whoever is free runs it a second time, and
/// the one that is ready first counts. The other attempt is superseded: it is told so when it renews its lease, and until it has stopped
/// its file is not sealed.
/// </remarks>
public sealed class PartSchedule
{
    /// <summary>How often a part may fail before the job does.</summary>
    public const int MaxFailures = 4;

    /// <summary>How many workers may die of a part that they ran alone.</summary>
    public const int MaxDeaths = 2;

    // A part of 32 MiB takes a fraction of a second; on storage slow enough to need longer, a second attempt does little harm.
    private const int StragglerShareOfLease = 4;

    // A part that has not begun by then waits for a lane, and workers say every half second how far they are.
    private const int WaitingShareOfLease = 20;

    private readonly TimeSpan leaseDuration;
    private readonly int layoutLength;
    private readonly int[] firstPart;
    private readonly PartRuns open = new();
    private readonly SortedSet<int> waiting = [];
    private readonly SortedSet<int> suspects = [];
    private readonly Dictionary<Attempt, PartLease> leases = [];
    private readonly Dictionary<Attempt, PartLease> superseded = [];
    private readonly Dictionary<int, int> failures = [];
    private readonly Dictionary<string, int> lastPart = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ImmutableArray<PartLease>> lostWith = new(StringComparer.Ordinal);
    private readonly Dictionary<int, int> deaths = [];
    private ImmutableSortedSet<int> openTransfers;
    private PartNeeds? needs;
    private int lastNumber;

    public PartSchedule(JobState state, TimeSpan leaseDuration)
    {
        this.leaseDuration = leaseDuration;
        openTransfers = state.OpenTransfers;
        layoutLength = state.LayoutLength;
        firstPart = new int[layoutLength + 1];
        for (int file = 0; file < layoutLength; file++)
        {
            firstPart[file + 1] = firstPart[file] + state.Files[file].PartCount;
            Reopen(state, file);
        }
    }

    public IReadOnlyCollection<PartLease> Leases => leases.Values;

    public int OpenParts => open.Count;

    /// <summary>Lanes that could be at work for the job now: one for each part that may be computed and is not committed; one alone where a part is run alone.</summary>
    public int LanesWanted => suspects.Count > 0 || leases.Values.Any(lease => lease.Mode == ReadMode.Positioned)
        ? 1
        : open.Count + leases.Values.DistinctBy(lease => (lease.File, lease.Part)).Count();

    /// <summary>Null for an attempt that ended, was superseded or is another coordinator's.</summary>
    public PartLease? Find(Attempt attempt) => leases.GetValueOrDefault(attempt);

    /// <summary>Nothing can be computed, nor is, before more of the inputs are there.</summary>
    public bool AwaitsFiles => !openTransfers.IsEmpty && open.Count == 0 && leases.Count == 0;

    private TimeSpan StragglerAge => leaseDuration / StragglerShareOfLease;

    private TimeSpan WaitingAge => leaseDuration / WaitingShareOfLease;

    /// <summary>Whether a worker that asks now may get something.</summary>
    public bool HasWork(DateTimeOffset now) => open.Count > 0 || HasSpare(now);

    /// <summary>Nothing is left to give out, but something is under way with which another worker could help.</summary>
    public bool HasSpare(DateTimeOffset now) => Waiting(now).Any() || Stragglers(now).Any();

    /// <summary>Offers all parts of a file that are not committed, and forgets the leases on it: its staging file is new.</summary>
    public void Reopen(JobState state, int file)
    {
        file %= layoutLength;
        foreach (PartLease lease in leases.Values.Where(lease => lease.File == file).ToList())
        {
            Release(lease.Attempt, asFailure: false);
        }

        // What they still write goes into a file that nobody will publish.
        foreach (PartLease lease in superseded.Values.Where(lease => lease.File == file).ToList())
        {
            superseded.Remove(lease.Attempt);
        }

        for (int part = 0; part < state.Files[file].PartCount; part++)
        {
            if (state.UncommittedVariants(file, part).Any())
            {
                Offer(firstPart[file] + part);
            }
        }
    }

    /// <summary>Offers parts again that were committed and are not any more. Nobody may have a lease on them.</summary>
    /// <param name="state">In which they are open.</param>
    /// <param name="file">Index of one of the files that have them.</param>
    /// <param name="parts">Their indexes in the file.</param>
    public void OfferAgain(JobState state, int file, IEnumerable<int> parts)
    {
        file %= layoutLength;
        foreach (int part in parts.Where(part => state.UncommittedVariants(file, part).Any()))
        {
            Offer(firstPart[file] + part);
        }
    }

    /// <summary>Somebody is at one of the parts, in whichever variant.</summary>
    public bool IsLeased(int file, IEnumerable<int> parts) =>
        leases.Values.Concat(superseded.Values).Any(lease => lease.File == file % layoutLength && parts.Contains(lease.Part));

    /// <summary>Inputs have come, or were lost: parts that read what is not there wait.</summary>
    /// <param name="state">With the transfers that are open.</param>
    /// <param name="needsOfParts">What each part reads; null while that is not known, and then all wait for everything.</param>
    public void SeeInputs(JobState state, PartNeeds? needsOfParts)
    {
        openTransfers = state.OpenTransfers;
        needs = needsOfParts;
        List<int> all = [.. open.All, .. waiting];
        open.Clear();
        waiting.Clear();
        all.ForEach(Offer);
    }

    public void Suspect(int file, int part)
    {
        int global = firstPart[file % layoutLength] + part;
        if (open.Contains(global))
        {
            suspects.Add(global);
        }
    }

    /// <summary>
    /// Gives a worker up to <paramref name="count"/> parts: those behind what it had before, so that it reads contiguously; else the
    /// beginning of what nobody is at, or half of what somebody has before him; at the end what waits elsewhere for a lane.
    /// </summary>
    public ImmutableArray<PartLease> Assign(JobState state, string worker, int count, DateTimeOffset now)
    {
        if (suspects.Count > 0)
        {
            return leases.Count == 0 && count > 0 ? [Lease(state, suspects.Min, worker, ReadMode.Positioned, now)] : [];
        }

        if (leases.Values.Any(lease => lease.Mode == ReadMode.Positioned))
        {
            return [];
        }

        var assigned = ImmutableArray.CreateBuilder<PartLease>();
        while (assigned.Count < count && open.Count > 0)
        {
            int next = lastPart.TryGetValue(worker, out int last) && open.Contains(last + 1) ? last + 1 : open.FindStart(IsSomebodysNext);
            assigned.Add(Lease(state, next, worker, ReadMode.Mapped, now));
        }

        foreach (PartLease waiting in Waiting(now).Where(lease => lease.Worker != worker).Take(count - assigned.Count).ToList())
        {
            Supersede(waiting);
            assigned.Add(Lease(state, firstPart[waiting.File] + waiting.Part, worker, ReadMode.Mapped, now));
        }

        foreach (PartLease straggler in Stragglers(now).Where(lease => lease.Worker != worker).Take(count - assigned.Count).ToList())
        {
            assigned.Add(Lease(state, firstPart[straggler.File] + straggler.Part, worker, ReadMode.Mapped, now));
        }

        return assigned.ToImmutable();
    }

    private bool IsSomebodysNext(int part) => lastPart.ContainsValue(part - 1);

    // Whoever has them has others before them; the one that would begin last comes first.
    private IEnumerable<PartLease> Waiting(DateTimeOffset now) => open.Count > 0
        ? []
        : leases.Values
            .Where(lease => lease.Mode == ReadMode.Mapped && lease.BytesDone == 0 && now - lease.Since >= WaitingAge)
            .Where(lease => LeasesOf(lease.File, lease.Part).Count() == 1)
            .Where(lease => leases.Values.Any(other => other.Worker == lease.Worker && other.BytesDone > 0))
            .OrderByDescending(lease => lease.Attempt.Number);

    // Oldest first, and each only once more.
    private IEnumerable<PartLease> Stragglers(DateTimeOffset now) => open.Count > 0
        ? []
        : leases.Values
            .Where(lease => lease.Mode == ReadMode.Mapped && now - lease.Since >= StragglerAge)
            .GroupBy(lease => (lease.File, lease.Part))
            .Where(attempts => attempts.Count() == 1 && LeasesOf(attempts.Key.File, attempts.Key.Part).Count() == 1)
            .Select(attempts => attempts.Single())
            .OrderBy(lease => lease.Since)
            .ThenBy(lease => lease.Attempt.Number);

    private IEnumerable<PartLease> LeasesOf(int file, int part) => leases.Values.Where(lease => lease.File == file && lease.Part == part);

    /// <summary>Extends a lease that made progress; false when it is no longer the worker's.</summary>
    /// <param name="attempt">Whose lease.</param>
    /// <param name="worker">Who holds it.</param>
    /// <param name="bytesDone">Of the part, so far.</param>
    /// <param name="workerMoves">The worker made progress elsewhere: enough for a part that waits for a lane or for its flush.</param>
    /// <param name="now">The time.</param>
    public bool Renew(Attempt attempt, string worker, long bytesDone, bool workerMoves, DateTimeOffset now)
    {
        if (!leases.TryGetValue(attempt, out PartLease? lease) || lease.Worker != worker)
        {
            return false;
        }

        bool moves = bytesDone > lease.BytesDone || (workerMoves && bytesDone == lease.BytesDone);
        leases[attempt] = moves ? lease with { BytesDone = bytesDone, ExpiresAt = now + leaseDuration } : lease;
        return true;
    }

    /// <summary>Takes over a lease that an earlier coordinator gave out, when its part is still open.</summary>
    public bool Adopt(JobState state, Attempt attempt, int file, int part, int generation, string worker, DateTimeOffset now)
    {
        int global = firstPart[file] + part;
        if (generation != state.Files[file].Generation || suspects.Contains(global) || !(open.Remove(global) || waiting.Remove(global)))
        {
            return false;
        }

        leases[attempt] = new PartLease(attempt, file, part, generation, worker, ReadMode.Mapped, now + leaseDuration, BytesDone: 0) { Since = now };
        lastPart[worker] = Math.Max(global, lastPart.GetValueOrDefault(worker));
        return true;
    }

    /// <summary>The part is durable and journalled, in a sweep in the files of all alphas, whoever computed it.</summary>
    public void Complete(int file, int part)
    {
        file %= layoutLength;
        int global = firstPart[file] + part;
        open.Remove(global);
        waiting.Remove(global);
        suspects.Remove(global);
        failures.Remove(global);
        deaths.Remove(global);
        foreach (PartLease lease in LeasesOf(file, part).ToList())
        {
            Supersede(lease);
        }
    }

    // Its worker hears so when it renews the lease.
    private void Supersede(PartLease lease)
    {
        leases.Remove(lease.Attempt);
        superseded[lease.Attempt] = lease;
    }

    /// <summary>The attempt has written all that it will: its result was reported.</summary>
    public void Finish(Attempt attempt) => superseded.Remove(attempt);

    /// <summary>The attempt ended without a result; its part is open again.</summary>
    /// <returns>How often this part has failed.</returns>
    public int Release(Attempt attempt, bool asFailure)
    {
        superseded.Remove(attempt);
        if (!leases.Remove(attempt, out PartLease? lease))
        {
            return 0;
        }

        int global = firstPart[lease.File] + lease.Part;
        if (LeasesOf(lease.File, lease.Part).Any())
        {
            // Somebody else is at it.
            return failures.GetValueOrDefault(global);
        }

        Offer(global);
        if (lease.Mode == ReadMode.Positioned && open.Contains(global))
        {
            // It stays suspect until it is computed: mapped again, it could take others down with it.
            suspects.Add(global);
        }

        int count = failures.GetValueOrDefault(global) + (asFailure ? 1 : 0);
        failures[global] = count;
        return count;
    }

    /// <summary>The worker cannot be reached and may have died without a farewell: what it had is open again, and suspect.</summary>
    public ImmutableArray<PartLease> LoseWorker(string worker)
    {
        lastPart.Remove(worker);
        ImmutableArray<PartLease> lost = [.. leases.Values.Where(lease => lease.Worker == worker)];
        foreach (PartLease lease in lost)
        {
            Release(lease.Attempt, asFailure: false);
            Suspect(lease.File, lease.Part);
            // It may be alive and writing: until its lease has run out the file is not sealed.
            superseded[lease.Attempt] = lease;
        }

        if (!lost.IsEmpty)
        {
            lostWith[worker] = lost;
        }

        return lost;
    }

    /// <summary>The worker that was lost can be reached again, so nothing has killed it.</summary>
    public void FindWorker(string worker)
    {
        lostWith.Remove(worker, out ImmutableArray<PartLease> spared);
        foreach (PartLease lease in spared.IsDefault ? [] : spared.Where(lease => lease.Mode != ReadMode.Positioned))
        {
            suspects.Remove(firstPart[lease.File] + lease.Part);
        }
    }

    /// <summary>This worker can be reached, so those that had its address before it are dead and write nothing more.</summary>
    public void SucceedWorkers(string worker)
    {
        foreach (PartLease lease in superseded.Values.Where(lease => WorkerName.IsPredecessor(lease.Worker, worker)).ToList())
        {
            superseded.Remove(lease.Attempt);
        }
    }

    /// <summary>The worker that was lost is gone for good.</summary>
    /// <returns>A part that has now killed too many of those that ran it alone.</returns>
    public PartLease? BuryWorker(string worker)
    {
        lostWith.Remove(worker, out ImmutableArray<PartLease> lost);
        foreach (PartLease lease in lost.IsDefault ? [] : lost.Where(lease => lease.Mode == ReadMode.Positioned))
        {
            int global = firstPart[lease.File] + lease.Part;
            deaths[global] = deaths.GetValueOrDefault(global) + 1;
            if (deaths[global] >= MaxDeaths)
            {
                return lease;
            }
        }

        return null;
    }

    /// <summary>Leases without progress for too long end; their parts are open again.</summary>
    public ImmutableArray<PartLease> Expire(DateTimeOffset now)
    {
        foreach (PartLease lease in superseded.Values.Where(lease => lease.ExpiresAt <= now).ToList())
        {
            superseded.Remove(lease.Attempt);
        }

        ImmutableArray<PartLease> expired = [.. leases.Values.Where(lease => lease.ExpiresAt <= now)];
        foreach (PartLease lease in expired)
        {
            Release(lease.Attempt, asFailure: false);
        }

        return expired;
    }

    /// <summary>Whether anybody may still write into the file.</summary>
    public bool IsLeased(int file) => leases.Values.Concat(superseded.Values).Any(lease => lease.File == file % layoutLength);

    private PartLease Lease(JobState state, int global, string worker, ReadMode mode, DateTimeOffset now)
    {
        int file = FileOf(global);
        var lease = new PartLease(
            new Attempt(state.Incarnation, ++lastNumber), file, global - firstPart[file], state.Files[file].Generation, worker, mode, now + leaseDuration, BytesDone: 0)
        {
            Since = now,
        };
        leases[lease.Attempt] = lease;
        open.Remove(global);
        suspects.Remove(global);
        lastPart[worker] = global;
        return lease;
    }

    // A suspect whose inputs are gone is one no longer: that they went explains what happened to it.
    private void Offer(int global)
    {
        if (openTransfers.IsEmpty || (needs is not null && !needs.Of(global).Any(openTransfers.Contains)))
        {
            open.Add(global);
        }
        else
        {
            waiting.Add(global);
            suspects.Remove(global);
        }
    }

    // Every file has a header and so at least one part: the first numbers ascend strictly.
    private int FileOf(int global)
    {
        int found = Array.BinarySearch(firstPart, global);
        return found >= 0 ? found : ~found - 1;
    }
}
