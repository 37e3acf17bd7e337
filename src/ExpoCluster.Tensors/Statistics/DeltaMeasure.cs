using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Sums up how far aligned is from base, and how much of the way on the output really went.</summary>
/// <remarks>
/// Sums run in sixteen lanes, whatever the machine: the same run of elements gives the same bits everywhere.
/// </remarks>
public abstract class DeltaMeasure
{
    /// <param name="aligned">An arithmetic dtype.</param>
    /// <param name="baseDtype">An arithmetic dtype.</param>
    /// <param name="output">An arithmetic dtype.</param>
    /// <exception cref="ArgumentException">A dtype is not arithmetic.</exception>
    public static DeltaMeasure For(Dtype aligned, Dtype baseDtype, Dtype output) =>
        DeltaMeasureSelection.Select(aligned, baseDtype, output);

    /// <summary>Measures equally many elements of all three.</summary>
    public abstract DeltaSums Measure(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> output);
}
