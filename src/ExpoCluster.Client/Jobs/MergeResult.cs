using System.Text.Json.Serialization;
using ExpoCluster.Client.Problems;

namespace ExpoCluster.Client.Jobs;

/// <summary>How many parts a merge has, and how many of them this run computed.</summary>
/// <param name="Total">All parts of the plan.</param>
/// <param name="Computed">Computed by this run.</param>
/// <param name="Reused">Committed by earlier runs.</param>
public sealed record PartCounts(int Total, int Computed, int Reused);

/// <summary>What a merge changed, over all extrapolated tensors of one output.</summary>
/// <param name="Output">The output directory.</param>
/// <param name="Alpha">Asked for; null where nothing changed.</param>
/// <param name="EffectiveAlpha">Reached after rounding; null where nothing changed.</param>
/// <param name="ChangedShare">Elements in which aligned differs from base, of all.</param>
/// <param name="SwallowedShare">Changed elements that rounding left where they were, of the changed ones.</param>
/// <param name="Overflowed">Infinite results of finite inputs.</param>
/// <param name="NaN">Results that are NaN.</param>
/// <param name="Infinite">Results that are infinite.</param>
public sealed record OutputStatistics(
    string Output,
    double? Alpha,
    double? EffectiveAlpha,
    double ChangedShare,
    double SwallowedShare,
    long Overflowed,
    [property: JsonPropertyName("nan")] long NaN,
    long Infinite)
{
    /// <summary>Which tensors the NaN and infinite results are in; null where there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public NotFiniteResults? NotFinite { get; init; }

    /// <summary>What was computed of it; null where its record does not say.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MergedBytes? Merged { get; init; }

    /// <summary>What was copied of it; null where its record does not say.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CopiedBytes? Copied { get; init; }

    /// <summary>The effective alpha over the whole model, in which what was copied counts as 0, by its bytes; null where it is not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? EffectiveAlphaOfModel { get; init; }
}

/// <summary>Tensors with results that are NaN or infinite.</summary>
/// <param name="Tensors">How many.</param>
/// <param name="First">The first of them, in the order of the files.</param>
public sealed record NotFiniteResults(int Tensors, IReadOnlyList<NotFiniteResult> First);

/// <summary>A tensor with results that are NaN or infinite.</summary>
/// <param name="Name">Of the tensor, as it may be shown.</param>
/// <param name="NaN">Results that are NaN.</param>
/// <param name="Infinite">Results that are infinite.</param>
/// <param name="Overflowed">Of the infinite ones, those of finite inputs.</param>
public sealed record NotFiniteResult(string Name, [property: JsonPropertyName("nan")] long NaN, long Infinite, long Overflowed);

/// <summary>What <c>merge --json</c> prints at the end.</summary>
/// <param name="Job">The job's id; null when none was started.</param>
/// <param name="Status"><c>done</c>, <c>failed</c>, <c>suspended</c>, <c>interrupted</c> or <c>cancelled</c>.</param>
/// <param name="Output">The output directories.</param>
/// <param name="Parts">Counts.</param>
/// <param name="BytesRead">Input bytes read by this run.</param>
/// <param name="BytesWritten">Output bytes written by this run.</param>
/// <param name="Seconds">From planned to published, without the program's own start.</param>
public sealed record MergeResult(
    string? Job, string Status, IReadOnlyList<string> Output, PartCounts Parts, long BytesRead, long BytesWritten, double Seconds)
{
    /// <summary>Of the error, on failure.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Code { get; init; }

    /// <summary>What went wrong, on failure.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Message { get; init; }

    /// <summary>All that went wrong, where more than one thing can.</summary>
    public IReadOnlyList<ProblemDetail> Problems { get; init; } = [];

    /// <summary>What was changed, one entry for each output; empty when the merge is not done.</summary>
    public IReadOnlyList<OutputStatistics> Statistics { get; init; } = [];

    /// <summary>Tensors that were dropped or taken from aligned, files that were ignored.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>What speaks against the merge, though it was done.</summary>
    public IReadOnlyList<MergeWarning> Warnings { get; init; } = [];

    /// <summary>What is computed of each output; null when there is no plan.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MergedBytes? Merged { get; init; }

    /// <summary>What is copied of each output; null when there is no plan.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CopiedBytes? Copied { get; init; }
}
