using System.Collections.Immutable;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Telemetry;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Parts;

/// <summary>Whether trying again can help.</summary>
public enum FailureKind
{
    /// <summary>Try again, here or elsewhere.</summary>
    Transient,

    /// <summary>An input is broken or changed: the job fails.</summary>
    Input,

    /// <summary>The output cannot be written: the job rests until somebody makes room.</summary>
    Storage,

    /// <summary>The program is at fault: the job fails.</summary>
    Fatal,

    /// <summary>A file of the Hub is not in the cache: it has to be fetched again first.</summary>
    Missing,

    /// <summary>This version cannot compute the plan: another worker may.</summary>
    Declined,
}

/// <summary>How the computation of one part ended.</summary>
public abstract record PartOutcome
{
    private PartOutcome()
    {
    }

    /// <summary>Written, and after the flush durable.</summary>
    /// <param name="Results">One for each target of the order.</param>
    /// <param name="BytesRead">Input bytes, each counted once however many targets there are.</param>
    public sealed record Computed(ImmutableArray<PartResult> Results, long BytesRead) : PartOutcome;

    /// <summary>The lease ran out or was revoked.</summary>
    public sealed record Abandoned : PartOutcome;

    public sealed record Failed(FailureKind Kind, string Code, string Message, string Advice) : PartOutcome
    {
        /// <summary>With <see cref="FailureKind.Missing"/>: the input, as the plan names it.</summary>
        public string? Input { get; init; }

        internal static Failed From(Exception exception) => exception switch
        {
            StorageException { Code: StorageException.Vanished } gone => From(FailureKind.Transient, gone),
            StorageException storage => From(FailureKind.Storage, storage),
            // An outage ends: the job rests, and goes on when it is told to.
            HubException { IsOutage: true } outage => From(FailureKind.Storage, outage),
            HubException { Code: HubErrors.GoneFromTheCache } gone => From(FailureKind.Missing, gone) with { Input = gone.Where },
            HubException hub => From(FailureKind.Input, hub),
            TensorFileException file => From(FailureKind.Input, file),
            PlanningException planning => From(FailureKind.Input, planning),
            ExpoException other => From(FailureKind.Fatal, other),
            _ when MemoryShortage.Of(exception) is { } shortage => From(FailureKind.Fatal, shortage),
            IOException or UnauthorizedAccessException => new Failed(
                FailureKind.Transient, StorageException.NotWritable, exception.Message, "check the storage, then run the same command again."),
            _ => From(FailureKind.Fatal, JobException.Unforeseen(exception)),
        };

        private static Failed From(FailureKind kind, ExpoException exception) =>
            new(kind, exception.Code, exception.Message, exception.Advice);
    }
}

/// <summary>One attempt at one part, with all that a lane needs for it.</summary>
/// <param name="Job">Whose part.</param>
/// <param name="Attempt">The attempt's name.</param>
/// <param name="Generation">Of the staging file that the lease names.</param>
/// <param name="Plan">What to compute.</param>
/// <param name="Part">Which bytes; its file is that of the first alpha in a sweep, also where that one's part is done already.</param>
/// <param name="Targets">The files that they go to; at least one.</param>
/// <param name="Inputs">The plan's inputs.</param>
/// <param name="Mode">How to read them.</param>
/// <param name="Lease">The right to write.</param>
public sealed record PartOrder(
    string Job,
    Attempt Attempt,
    int Generation,
    Plan Plan,
    PartRange Part,
    ImmutableArray<PartTarget> Targets,
    InputFiles Inputs,
    ReadMode Mode,
    WriteLease Lease)
{
    /// <summary>What its span hangs on; null where nobody asked for one.</summary>
    public SpanAbove? Above { get; init; }

    /// <summary>Bytes that go into all targets together.</summary>
    public long OutputBytes => Part.ByteCount * Targets.Length;
}
