using System.Text.Json.Serialization;

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
    /// <summary>What was computed of it; null where its record does not say.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public MergedBytes? Merged { get; init; }

    /// <summary>What was copied of it; null where its record does not say.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CopiedBytes? Copied { get; init; }

    /// <summary>The effective alpha over the whole model, in which what was copied counts as 0, by its bytes; null where it is not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? EffectiveAlphaOfModel { get; init; }

    /// <summary>Names of tensors in which results became infinite; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? OverflowedTensors { get; init; }

    /// <summary>Names of tensors with NaN or infinities that the inputs made; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? NotFiniteTensors { get; init; }
}

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
