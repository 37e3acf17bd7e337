using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Sums up how far aligned is from base, and how much of the way on the output really went.</summary>
/// <remarks>
/// Sums run in sixteen lanes, whatever the machine: the same run of elements gives the same bits everywhere.
/// </remarks>
public abstract class DeltaMeasure
{
    /// <summary>Two vectors of 256 bits on every machine: where the hardware has others, the runtime makes them from what it has.</summary>
    internal const int Lanes = 16;

    /// <summary>Elements that are summed up before their sums are added to those of the blocks before: 128 a lane.</summary>
    internal const int BlockElements = 128 * Lanes;

    /// <summary>Elements of the next block where so many are left; the last ones, which fill no vector, are one of their own.</summary>
    internal static int BlockLength(int left) => left >= Lanes ? Math.Min(BlockElements, left / Lanes * Lanes) : left;

    /// <param name="aligned">An arithmetic dtype.</param>
    /// <param name="baseDtype">An arithmetic dtype.</param>
    /// <param name="output">An arithmetic dtype.</param>
    /// <exception cref="ArgumentException">A dtype is not arithmetic.</exception>
    public static DeltaMeasure For(Dtype aligned, Dtype baseDtype, Dtype output) =>
        DeltaMeasureSelection.Select(aligned, baseDtype, output);

    /// <summary>Measures equally many elements of all three.</summary>
    public abstract DeltaSums Measure(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> output);
}
