namespace ExpoCluster.Core.Planning;

/// <summary>How a plan is made; but for <see cref="IsOfFirstVersion"/> none of it changes a byte of the output.</summary>
public sealed record PlanOptions
{
    /// <summary>The weights themselves are looked at, in a few places, to see whether the two models are related.</summary>
    public bool TakesSample { get; init; } = true;

    /// <summary>The two are only compared: what they are, and how much of them fits, is no error then.</summary>
    internal bool IsComparison { get; init; }

    /// <summary>Buffers and copies of tied embeddings are planned as version 0.1 did: a merge that it began ends as it was planned.</summary>
    public bool IsOfFirstVersion { get; init; }
}
