using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Cluster.Register;

/// <summary>What the register says of one job: its state when that last changed.</summary>
public sealed record RegisterEntry
{
    public required string Job { get; init; }

    /// <summary>Of the journal's event behind which this is true.</summary>
    public required long Sequence { get; init; }

    /// <summary>As HTTP, CLI and logs call it.</summary>
    public required string State { get; init; }

    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>When the job came into its state.</summary>
    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>The output directory, a real path.</summary>
    public required string Output { get; init; }

    public required RegisterFacts Facts { get; init; }

    /// <summary>Empty in lists.</summary>
    public ImmutableArray<RegisterFile> Files { get; init; } = [];

    /// <summary>Why the row cannot be read, as half a sentence: then all but the id is what could be made out, and the output may be empty. Null where it can.</summary>
    public string? Damage { get; init; }

    /// <param name="state">Of a job that was submitted.</param>
    /// <param name="word">What that state is called: a job that runs may be one that only awaits files.</param>
    /// <param name="sequence">Of the last event that it comes from.</param>
    /// <param name="now">When it came into this state.</param>
    /// <param name="waits">Why nothing runs though it could; null where that is not so.</param>
    public static RegisterEntry Of(JobState state, string word, long sequence, DateTimeOffset now, JobReason? waits = null) => new()
    {
        Job = state.Submission!.Job,
        Sequence = sequence,
        State = word,
        SubmittedAt = state.Submission.At,
        ChangedAt = now,
        Output = state.Submission.Output,
        Facts = RegisterFacts.Of(state) with { Reason = waits ?? state.Reason },
        Files = [.. state.Files.Select(file => new RegisterFile(
            file.File.Name, file.File.ByteLength, file.PartCount, file.CommittedParts, file.CommittedBytes, file.IsSealed))],
    };
}

/// <summary>What is known of a job besides what the list is ordered and filtered by.</summary>
/// <param name="RecipeJson">In its canonical form.</param>
/// <param name="SubmittedBy">Who did, where that is known.</param>
/// <param name="PlanDigest">Of the plan.</param>
/// <param name="Folders">Where the variants of a sweep go, below the output; empty for one output.</param>
/// <param name="Parts">All parts.</param>
/// <param name="Committed">Those committed.</param>
/// <param name="Bytes">Of all output files.</param>
/// <param name="BytesCommitted">Of the committed parts.</param>
/// <param name="Reason">Why it rests or has failed.</param>
public sealed record RegisterFacts(
    string RecipeJson,
    string? SubmittedBy,
    string? PlanDigest,
    ImmutableArray<string> Folders,
    int Parts,
    int Committed,
    long Bytes,
    long BytesCommitted,
    JobReason? Reason)
{
    internal static RegisterFacts Of(JobState state) => new(
        state.Submission!.RecipeJson,
        state.Submission.SubmittedBy,
        state.PlanDigest,
        state.Variants == 1 ? [] : [.. state.Files.Select(file => Path.GetDirectoryName(file.File.Name)!).Distinct()],
        state.PartCount,
        state.CommittedParts,
        state.Files.Sum(file => file.File.ByteLength),
        state.Files.Sum(file => file.CommittedBytes),
        state.Reason);
}

/// <summary>One output file of a job.</summary>
public sealed record RegisterFile(string Name, long Bytes, int Parts, int Committed, long BytesCommitted, bool Sealed);

/// <summary>A state that a job came into.</summary>
public sealed record RegisterChange(long Sequence, string State, JobReason? Reason, DateTimeOffset At);

/// <summary>A place in the list, which is ordered by time of submission, newest first, then by id.</summary>
public readonly record struct RegisterPosition(DateTimeOffset SubmittedAt, string Job);
