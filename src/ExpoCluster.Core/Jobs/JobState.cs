using System.Collections.Immutable;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Jobs;

public enum JobPhase
{
    /// <summary>Nothing is journalled yet.</summary>
    New,
    Planning,
    Running,
    Suspended,
    Publishing,
    Done,
    Failed,
    Cancelled,
}

public static class JobPhaseNames
{
    /// <summary>The phase as HTTP, CLI and logs call it.</summary>
    public static string Word(this JobPhase phase) => phase switch
    {
        JobPhase.New => "queued",
        JobPhase.Planning => "planning",
        JobPhase.Running => "running",
        JobPhase.Suspended => "suspended",
        JobPhase.Publishing => "publishing",
        JobPhase.Done => "done",
        JobPhase.Failed => "failed",
        JobPhase.Cancelled => "cancelled",
        _ => throw new ArgumentOutOfRangeException(nameof(phase)),
    };
}

/// <summary>Why a job rests or has failed.</summary>
public sealed record JobReason(string Code, string Message, string Advice);

/// <summary>One output file of a job.</summary>
/// <param name="File">Name and length.</param>
/// <param name="Generation">Of the staging file; 0 before one was made.</param>
/// <param name="BlockDigests">By part; null for a part that is not committed.</param>
/// <param name="CommittedParts">How many are.</param>
/// <param name="Digest">Of the sealed file; null before.</param>
public sealed record JobFileState(
    JobFile File, int Generation, ImmutableArray<ReadOnlyMemory<byte>?> BlockDigests, int CommittedParts, string? Digest)
{
    /// <summary>By part, as <see cref="PartStatistics"/> encodes them; empty for parts without.</summary>
    public required ImmutableArray<ReadOnlyMemory<byte>> Statistics { get; init; }

    public int PartCount => BlockDigests.Length;

    /// <summary>Bytes of the committed parts; all parts but the last one are of one size.</summary>
    public long CommittedBytes => ((long)CommittedParts * PartGrid.PartBytes)
        - (IsCommitted(PartCount - 1) ? ((long)PartCount * PartGrid.PartBytes) - File.ByteLength : 0);

    public bool IsComplete => CommittedParts == PartCount;

    public bool IsSealed => Digest is not null;

    public bool IsCommitted(int part) => BlockDigests[part] is not null;

    internal static JobFileState New(JobFile file) =>
        new(file, Generation: 0, new ReadOnlyMemory<byte>?[PartGrid.PartCount(file.ByteLength)].ToImmutableArray(), 0, Digest: null)
        {
            Statistics = new ReadOnlyMemory<byte>[PartGrid.PartCount(file.ByteLength)].ToImmutableArray(),
        };

    internal JobFileState WithStaging(int generation) => generation > Generation
        ? New(File) with { Generation = generation }
        : throw new InvalidOperationException($"{File.Name}: staging generation {generation} does not follow {Generation}.");

    internal JobFileState WithCommitted(int generation, ImmutableArray<CommittedPart> parts)
    {
        if (generation != Generation)
        {
            throw new InvalidOperationException($"{File.Name}: parts of generation {generation} were committed under {Generation}.");
        }

        var digests = BlockDigests.ToBuilder();
        var statistics = Statistics.ToBuilder();
        foreach (CommittedPart part in parts)
        {
            if (digests[part.Part] is not null)
            {
                throw new InvalidOperationException($"{File.Name}: part {part.Part} was committed twice.");
            }

            digests[part.Part] = part.BlockDigests;
            statistics[part.Part] = part.Statistics;
        }

        return this with
        {
            BlockDigests = digests.MoveToImmutable(),
            Statistics = statistics.MoveToImmutable(),
            CommittedParts = CommittedParts + parts.Length,
        };
    }

    internal JobFileState WithLost(int generation, ImmutableArray<int> parts)
    {
        if (generation != Generation)
        {
            throw new InvalidOperationException($"{File.Name}: parts of generation {generation} were lost under {Generation}.");
        }

        var digests = BlockDigests.ToBuilder();
        var statistics = Statistics.ToBuilder();
        foreach (int part in parts)
        {
            if (digests[part] is null)
            {
                throw new InvalidOperationException($"{File.Name}: part {part} was lost, but it was not committed.");
            }

            digests[part] = null;
            statistics[part] = default;
        }

        return this with
        {
            BlockDigests = digests.MoveToImmutable(),
            Statistics = statistics.MoveToImmutable(),
            CommittedParts = CommittedParts - parts.Length,
            Digest = null,
        };
    }

    internal JobFileState WithSeal(int generation, string digest) => generation == Generation && IsComplete && !IsSealed
        ? this with { Digest = digest }
        : throw new InvalidOperationException(
            $"{File.Name}: generation {generation} of {Generation} was sealed with {CommittedParts} of {PartCount} parts, or twice.");
}

/// <summary>What the journal says of a job. No clock, no I/O: the same events give the same state everywhere.</summary>
public sealed record JobState
{
    public static readonly JobState Empty = new();

    public JobPhase Phase { get; private init; } = JobPhase.New;

    /// <summary>The phase that a suspended or failed job goes back to when it is resumed.</summary>
    public JobPhase PhaseBeforeSuspension { get; private init; } = JobPhase.New;

    public JobReason? Reason { get; private init; }

    /// <summary>It rests until its output fits the free space, and then goes on by itself.</summary>
    public bool AwaitsSpace => Phase == JobPhase.Suspended && Reason?.Code == StorageException.AwaitsSpace;

    /// <summary>The state as HTTP, CLI and logs call it.</summary>
    public string Word => AwaitsSpace ? JobPhase.New.Word() : Phase.Word();

    public JobEvent.Submitted? Submission { get; private init; }

    public string? PlanDigest { get; private init; }

    public int NumericsVersion { get; private init; }

    public ImmutableArray<JobFileState> Files { get; private init; } = [];

    /// <summary>Outputs that share one layout; 1 but for a sweep.</summary>
    public int Variants { get; private init; } = 1;

    /// <summary>Files of one variant: file f of variant v is file v · LayoutLength + f.</summary>
    public int LayoutLength => Files.Length / Variants;

    /// <summary>Files of the Hub that the job needs in the cache.</summary>
    public ImmutableArray<JobTransfer> Transfers { get; private init; } = [];

    /// <summary>Indexes of those that are not there.</summary>
    public ImmutableSortedSet<int> OpenTransfers { get; private init; } = [];

    /// <summary>The recipe, with the commits that its references meant when it was planned.</summary>
    public string RecipeJson => PinnedRecipeJson ?? Submission!.RecipeJson;

    private string? PinnedRecipeJson { get; init; }

    /// <summary>What is published beside the weights; null for a job of an earlier build.</summary>
    public JobSideFiles? SideFiles { get; private init; }

    /// <summary>How many coordinators this job has had.</summary>
    public int Incarnation { get; private init; }

    /// <summary>Workers that may hold leases, each with the last coordinator that gave it parts.</summary>
    public ImmutableDictionary<string, int> Engaged { get; private init; } = ImmutableDictionary.Create<string, int>(StringComparer.Ordinal);

    /// <summary>A coordinator of an earlier build may have given parts to workers that nobody knows.</summary>
    public bool HasUnnamedWorkers { get; private init; }

    /// <summary>The published names in their order; empty before publishing begins.</summary>
    public ImmutableArray<string> PublishedNames { get; private init; } = [];

    public int PartCount => Files.Sum(file => file.PartCount);

    public int CommittedParts => Files.Sum(file => file.CommittedParts);

    public bool HasEnded => Phase is JobPhase.Done or JobPhase.Failed or JobPhase.Cancelled;

    /// <summary>Files have begun to appear under their final names, also if that is interrupted now.</summary>
    public bool IsPublishing => Phase == JobPhase.Publishing
        || (Phase is JobPhase.Suspended or JobPhase.Failed && PhaseBeforeSuspension == JobPhase.Publishing);

    public bool AllSealed => Files.Length > 0 && Files.All(file => file.IsSealed);

    /// <exception cref="InvalidOperationException">The event contradicts the state, or is unknown to this build.</exception>
    public JobState Apply(JobEvent journalled) => Permits(journalled)
        ? Applied(journalled)
        : throw new InvalidOperationException($"{journalled.GetType().Name} contradicts a job that is {Phase.Word()}.");

    private JobState Applied(JobEvent journalled) => journalled switch
    {
        JobEvent.Submitted e => this with { Phase = JobPhase.Planning, Submission = e },
        JobEvent.Planned e => this with
        {
            Phase = JobPhase.Running,
            PlanDigest = e.PlanDigest,
            NumericsVersion = e.NumericsVersion,
            Files = [.. e.Files.Select(JobFileState.New)],
            Variants = e.Variants,
            Transfers = e.Transfers,
            OpenTransfers = [.. Enumerable.Range(0, e.Transfers.Length).Where(transfer => !e.Transfers[transfer].WasThere)],
            PinnedRecipeJson = e.PinnedRecipeJson,
            SideFiles = e.SideFiles,
        },
        JobEvent.CoordinatorStarted e => this with { Incarnation = e.Incarnation, HasUnnamedWorkers = HasUnnamedWorkers || !e.NamesWorkers },
        JobEvent.WorkerEngaged e => this with { Engaged = Engaged.SetItem(e.Worker, Incarnation) },
        JobEvent.LeasesSettled => this with
        {
            Engaged = Engaged.RemoveRange(Engaged.Where(worker => worker.Value < Incarnation).Select(worker => worker.Key)),
            HasUnnamedWorkers = false,
        },
        JobEvent.StagingCreated e => WithFile(e.File, Files[e.File].WithStaging(e.Generation)),
        JobEvent.PartsCommitted e => WithFile(e.File, Files[e.File].WithCommitted(e.Generation, e.Parts)),
        JobEvent.PartsLost e => WithFile(e.File, Files[e.File].WithLost(e.Generation, e.Parts)),
        JobEvent.FileSealed e => WithFile(e.File, Files[e.File].WithSeal(e.Generation, e.Digest)),
        JobEvent.FilesTransferred e => this with { OpenTransfers = OpenTransfers.Except(e.Transfers) },
        JobEvent.FilesLost e => this with { OpenTransfers = OpenTransfers.Union(e.Transfers) },
        JobEvent.Suspended e => this with
        {
            Phase = JobPhase.Suspended,
            PhaseBeforeSuspension = PhaseToReturnTo,
            Reason = new JobReason(e.Code, e.Reason, e.Advice),
        },
        JobEvent.Resumed => this with { Phase = PhaseBeforeSuspension, Reason = null },
        JobEvent.Publishing e => this with { Phase = JobPhase.Publishing, PublishedNames = e.Names },
        JobEvent.Published => this with { Phase = JobPhase.Done },
        JobEvent.Failed e => this with
        {
            Phase = JobPhase.Failed,
            PhaseBeforeSuspension = PhaseToReturnTo,
            Reason = new JobReason(e.Code, e.Reason, e.Advice),
        },
        JobEvent.Cancelled => this with { Phase = JobPhase.Cancelled },
        _ => throw new InvalidOperationException($"No rule for journalled event {journalled.GetType().Name}."),
    };

    // A suspended job that fails goes back to what was suspended, not to the suspension.
    private JobPhase PhaseToReturnTo => Phase == JobPhase.Suspended ? PhaseBeforeSuspension : Phase;

    private bool Permits(JobEvent journalled) => journalled switch
    {
        JobEvent.Submitted => Phase == JobPhase.New,
        JobEvent.Planned => Phase == JobPhase.Planning,
        JobEvent.CoordinatorStarted e => e.Incarnation > Incarnation,
        JobEvent.WorkerEngaged or JobEvent.LeasesSettled => Phase is JobPhase.Running or JobPhase.Suspended,
        JobEvent.StagingCreated or JobEvent.PartsCommitted or JobEvent.FileSealed => Phase is JobPhase.Running or JobPhase.Suspended,
        JobEvent.PartsLost => Phase is JobPhase.Running or JobPhase.Suspended && !IsPublishing,
        JobEvent.FilesTransferred e => Phase is JobPhase.Running or JobPhase.Suspended && e.Transfers.All(OpenTransfers.Contains),
        JobEvent.FilesLost e => Phase is JobPhase.Running or JobPhase.Suspended && e.Transfers.All(IsTransferred),
        JobEvent.Suspended => Phase is JobPhase.Running or JobPhase.Publishing,
        JobEvent.Resumed => Phase is JobPhase.Suspended or JobPhase.Failed,
        JobEvent.Publishing => Phase == JobPhase.Running && AllSealed && OpenTransfers.IsEmpty,
        JobEvent.Published => Phase == JobPhase.Publishing,
        JobEvent.Failed => Phase != JobPhase.New && !HasEnded,
        JobEvent.Cancelled => !IsPublishing && Phase is not (JobPhase.New or JobPhase.Done or JobPhase.Cancelled),
        _ => true,
    };

    /// <summary>The job needs the file, and it has been brought.</summary>
    public bool IsTransferred(int transfer) => transfer >= 0 && transfer < Transfers.Length && !OpenTransfers.Contains(transfer);

    /// <summary>The files of all variants whose part of a common layout is not committed yet.</summary>
    /// <param name="layoutFile">Index of the file in the layout.</param>
    /// <param name="part">Index of the part in it.</param>
    public IEnumerable<int> UncommittedVariants(int layoutFile, int part) => Enumerable.Range(0, Variants)
        .Select(variant => (variant * LayoutLength) + layoutFile)
        .Where(file => !Files[file].IsCommitted(part));

    /// <summary>Whether nothing of a part of the common layout is left to compute.</summary>
    /// <param name="file">Index of one of the files that have it.</param>
    /// <param name="part">Index of the part in the file.</param>
    public bool IsCommittedInAllVariants(int file, int part) => !UncommittedVariants(file % LayoutLength, part).Any();

    private JobState WithFile(int index, JobFileState file) => this with { Files = Files.SetItem(index, file) };
}
