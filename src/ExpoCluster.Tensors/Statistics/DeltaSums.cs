namespace ExpoCluster.Tensors.Statistics;

/// <summary>What is counted and summed over elements of one tensor, where Δ = aligned − base.</summary>
/// <remarks>Sums of disjoint runs add up; adding them in the order of the runs gives the same bits every time.</remarks>
public readonly record struct DeltaSums
{
    /// <summary>Elements looked at.</summary>
    public long Elements { get; init; }

    /// <summary>Elements whose aligned value differs from base's.</summary>
    public long Changed { get; init; }

    /// <summary>Changed elements whose output is what aligned alone would have given: rounding swallowed the update.</summary>
    public long Swallowed { get; init; }

    /// <summary>Outputs that are NaN.</summary>
    public long NaN { get; init; }

    /// <summary>Outputs that are infinite.</summary>
    public long Infinite { get; init; }

    /// <summary>Infinite outputs of finite inputs: the output dtype is too narrow for them.</summary>
    public long Overflowed { get; init; }

    /// <summary>Σ Δ².</summary>
    public double SquaredDelta { get; init; }

    /// <summary>Σ aligned².</summary>
    public double SquaredAligned { get; init; }

    /// <summary>Σ (output − aligned) · Δ.</summary>
    public double AppliedDelta { get; init; }

    /// <summary>max |Δ|.</summary>
    public double MaxDelta { get; init; }

    /// <summary>The share of elements that preference training changed; 0 for no elements.</summary>
    public double ChangedShare => Elements == 0 ? 0 : (double)Changed / Elements;

    /// <summary>The share of the changed elements that did not move; 0 where nothing changed.</summary>
    public double SwallowedShare => Changed == 0 ? 0 : (double)Swallowed / Changed;

    /// <summary>Σ (output − aligned) · Δ / Σ Δ²: the alpha that the output really has; null where nothing changed.</summary>
    public double? EffectiveAlpha => SquaredDelta > 0 ? AppliedDelta / SquaredDelta : null;

    /// <summary>‖Δ‖, the Euclidean norm.</summary>
    public double DeltaNorm => Math.Sqrt(SquaredDelta);

    /// <summary>‖aligned‖.</summary>
    public double AlignedNorm => Math.Sqrt(SquaredAligned);

    /// <summary>‖Δ‖ / ‖aligned‖; null where aligned is all zero.</summary>
    public double? RelativeDelta => SquaredAligned > 0 ? DeltaNorm / AlignedNorm : null;

    public static DeltaSums operator +(DeltaSums first, DeltaSums second) => new()
    {
        Elements = first.Elements + second.Elements,
        Changed = first.Changed + second.Changed,
        Swallowed = first.Swallowed + second.Swallowed,
        NaN = first.NaN + second.NaN,
        Infinite = first.Infinite + second.Infinite,
        Overflowed = first.Overflowed + second.Overflowed,
        SquaredDelta = first.SquaredDelta + second.SquaredDelta,
        SquaredAligned = first.SquaredAligned + second.SquaredAligned,
        AppliedDelta = first.AppliedDelta + second.AppliedDelta,
        MaxDelta = Math.Max(first.MaxDelta, second.MaxDelta),
    };

    /// <summary>The same as the operator.</summary>
    public static DeltaSums Add(DeltaSums first, DeltaSums second) => first + second;
}
