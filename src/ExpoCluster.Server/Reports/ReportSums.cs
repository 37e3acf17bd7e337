using ExpoCluster.Core.Publishing;

namespace ExpoCluster.Server.Reports;

/// <summary>What a merge changed in some tensors together.</summary>
/// <param name="Tensors">How many.</param>
/// <param name="Elements">Of all.</param>
/// <param name="Changed">Elements in which aligned differs from base.</param>
/// <param name="Swallowed">Changed elements that rounding left where they were.</param>
/// <param name="SquaredDelta">Σ Δ².</param>
/// <param name="SquaredAligned">Σ aligned².</param>
/// <param name="Asked">Σ alpha · Δ².</param>
/// <param name="Reached">Σ effective alpha · Δ².</param>
public readonly record struct ReportSums(
    int Tensors, long Elements, long Changed, long Swallowed, double SquaredDelta, double SquaredAligned, double Asked, double Reached)
{
    /// <summary>‖Δ‖/‖aligned‖; null where aligned is nothing but zeros.</summary>
    public double? RelativeChange => SquaredAligned > 0 ? Math.Sqrt(SquaredDelta / SquaredAligned) : null;

    /// <summary>Of the changed elements; null where nothing changed.</summary>
    public double? SwallowedShare => Changed > 0 ? (double)Swallowed / Changed : null;

    public double ChangedShare => (double)Changed / Math.Max(1, Elements);

    /// <summary>Null where nothing changed.</summary>
    public double? AskedAlpha => SquaredDelta > 0 ? Asked / SquaredDelta : null;

    /// <summary>Null where nothing changed.</summary>
    public double? EffectiveAlpha => SquaredDelta > 0 ? Reached / SquaredDelta : null;

    public static ReportSums Of(ProvenanceTensor tensor)
    {
        ProvenanceSums sums = tensor.Sums;
        double squaredDelta = sums.DeltaNorm * sums.DeltaNorm;
        return new ReportSums(
            1,
            sums.Elements,
            sums.Changed,
            sums.Swallowed,
            squaredDelta,
            sums.AlignedNorm * sums.AlignedNorm,
            tensor.Alpha * squaredDelta,
            (sums.EffectiveAlpha ?? 0) * squaredDelta);
    }

    public static ReportSums operator +(ReportSums one, ReportSums other) => new(
        one.Tensors + other.Tensors,
        one.Elements + other.Elements,
        one.Changed + other.Changed,
        one.Swallowed + other.Swallowed,
        one.SquaredDelta + other.SquaredDelta,
        one.SquaredAligned + other.SquaredAligned,
        one.Asked + other.Asked,
        one.Reached + other.Reached);
}
