using System.Collections.Immutable;

namespace ExpoCluster.Core.Jobs;

/// <summary>One output file as the journal knows it.</summary>
public sealed record JobFile(string Name, long ByteLength);

/// <summary>A part whose bytes are durable, with the digest of each of its blocks.</summary>
/// <param name="Part">Index of the part in its file.</param>
/// <param name="BlockDigests">XxHash128 of each 4 MiB block, 16 bytes each, in order.</param>
/// <param name="Statistics">As <see cref="Parts.PartStatistics"/> encodes them; empty in journals of version 0.1.</param>
public sealed record CommittedPart(int Part, ReadOnlyMemory<byte> BlockDigests, ReadOnlyMemory<byte> Statistics = default);

/// <summary>What is published beside the weights, as it was known when the job was submitted.</summary>
/// <param name="ListDigest">Of the list of side files, which lies beside the plan; empty where there are none.</param>
/// <param name="Count">How many files, those that the merge itself writes among them; in a sweep of one output.</param>
/// <param name="ByteLength">Bytes of all of them, of all outputs of a sweep.</param>
public sealed record JobSideFiles(string ListDigest, int Count, long ByteLength);

/// <summary>What the journal of a job holds: facts, never wishes.</summary>
public abstract record JobEvent
{
    private JobEvent()
    {
    }

    /// <summary>The first event.</summary>
    /// <param name="Job">The job's id.</param>
    /// <param name="RecipeJson">The recipe in its canonical form.</param>
    /// <param name="Output">The output directory, a real path.</param>
    /// <param name="Overwrite">Another model there may be replaced.</param>
    /// <param name="At">When, UTC.</param>
    public sealed record Submitted(string Job, string RecipeJson, string Output, bool Overwrite, DateTimeOffset At) : JobEvent
    {
        /// <summary>Who did; null where that is not known.</summary>
        public string? SubmittedBy { get; init; }

        /// <summary>The span that the job's others hang on, as W3C's traceparent; null where there is none.</summary>
        public string? TraceParent { get; init; }
    }

    /// <summary>The plan lies beside the output; its digest says which it is.</summary>
    /// <param name="PlanDigest">Of the plan.</param>
    /// <param name="NumericsVersion">Of the kernels.</param>
    /// <param name="PartBytes">The size of parts.</param>
    /// <param name="Files">All output files, variant by variant.</param>
    /// <param name="Variants">Outputs that share one layout.</param>
    public sealed record Planned(
        string PlanDigest, int NumericsVersion, int PartBytes, ImmutableArray<JobFile> Files, int Variants = 1) : JobEvent
    {
        /// <summary>Files of the Hub that the job needs in the cache.</summary>
        public ImmutableArray<JobTransfer> Transfers { get; init; } = [];

        /// <summary>The recipe with the commits that its references meant then; null where it says so itself.</summary>
        public string? PinnedRecipeJson { get; init; }

        /// <summary>What is published beside the weights; null in journals of earlier builds.</summary>
        public JobSideFiles? SideFiles { get; init; }

        public bool Equals(Planned? other) => other is not null
            && PlanDigest == other.PlanDigest
            && NumericsVersion == other.NumericsVersion
            && PartBytes == other.PartBytes
            && Variants == other.Variants
            && PinnedRecipeJson == other.PinnedRecipeJson
            && SideFiles == other.SideFiles
            && Transfers.SequenceEqual(other.Transfers)
            && Files.SequenceEqual(other.Files);

        public override int GetHashCode() => HashCode.Combine(PlanDigest, NumericsVersion, PartBytes, Files.Length);
    }

    /// <summary>A coordinator took over; the number fences what earlier ones handed out.</summary>
    /// <param name="Incarnation">Greater than those before.</param>
    public sealed record CoordinatorStarted(int Incarnation) : JobEvent
    {
        /// <summary>It journals which workers it gives parts to; those of earlier builds did not.</summary>
        public bool NamesWorkers { get; init; }
    }

    /// <summary>From now on this worker may hold leases of the present coordinator.</summary>
    public sealed record WorkerEngaged(string Worker) : JobEvent;

    /// <summary>No lease that a coordinator before the present one gave out is left.</summary>
    public sealed record LeasesSettled : JobEvent;

    /// <summary>A writer made a new staging file; what was committed of the file before is void.</summary>
    public sealed record StagingCreated(int File, int Generation) : JobEvent;

    /// <summary>Parts of one file are durable in its staging file of this generation.</summary>
    public sealed record PartsCommitted(int File, int Generation, ImmutableArray<CommittedPart> Parts) : JobEvent;

    /// <summary>Bytes of committed parts are no longer what they were: the parts are open again, and a seal of the file is void.</summary>
    public sealed record PartsLost(int File, int Generation, ImmutableArray<int> Parts) : JobEvent
    {
        public bool Equals(PartsLost? other) =>
            other is not null && File == other.File && Generation == other.Generation && Parts.SequenceEqual(other.Parts);

        public override int GetHashCode() => HashCode.Combine(File, Generation, Parts.Length);
    }

    /// <summary>The file is complete and checked.</summary>
    /// <param name="File">Index of the file in the plan.</param>
    /// <param name="Generation">Of its staging file.</param>
    /// <param name="Digest">SHA-256 over its length and block digests, lower-case hex.</param>
    public sealed record FileSealed(int File, int Generation, string Digest) : JobEvent;

    /// <summary>Files of the Hub are in the cache, whole and checked.</summary>
    public sealed record FilesTransferred(ImmutableArray<int> Transfers) : JobEvent
    {
        public bool Equals(FilesTransferred? other) => other is not null && Transfers.SequenceEqual(other.Transfers);

        public override int GetHashCode() => Transfers.Length;
    }

    /// <summary>Files that had been brought are no longer in the cache: they are to be fetched again.</summary>
    public sealed record FilesLost(ImmutableArray<int> Transfers) : JobEvent
    {
        public bool Equals(FilesLost? other) => other is not null && Transfers.SequenceEqual(other.Transfers);

        public override int GetHashCode() => Transfers.Length;
    }

    /// <summary>Work rests until somebody resumes the job.</summary>
    public sealed record Suspended(string Code, string Reason, string Advice) : JobEvent;

    public sealed record Resumed : JobEvent;

    /// <summary>Everything is ready; from here on files appear under their final names, in this order.</summary>
    public sealed record Publishing(ImmutableArray<string> Names) : JobEvent
    {
        public bool Equals(Publishing? other) => other is not null && Names.SequenceEqual(other.Names);

        public override int GetHashCode() => Names.Length;
    }

    public sealed record Published : JobEvent;

    public sealed record Failed(string Code, string Reason, string Advice) : JobEvent;

    public sealed record Cancelled : JobEvent;
}
