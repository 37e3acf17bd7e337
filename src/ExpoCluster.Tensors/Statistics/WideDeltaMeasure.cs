using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Element by element in double: for F64, for what is left over, and for runs that hold NaN or infinity.</summary>
/// <param name="aligned">As stored; it is decoded to F64.</param>
/// <param name="baseDtype">As stored; it is decoded to F64.</param>
internal sealed class WideDeltaMeasure<TAligned, TBase, TOutput>(Dtype aligned, Dtype baseDtype) : DeltaMeasure
    where TAligned : struct, IElementReader<double>
    where TBase : struct, IElementReader<double>
    where TOutput : struct, IElementReader<double>, IElementWriter<double>
{
    private readonly SourceStretch alignedStretch = new(aligned, Dtype.F64, BlockElements);
    private readonly SourceStretch baseStretch = new(baseDtype, Dtype.F64, BlockElements);

    public override DeltaSums Measure(ReadOnlySpan<byte> alignedBytes, ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> output)
    {
        int count = output.Length / TOutput.ByteCount;
        var sums = default(Accumulator);
        for (int done = 0; done < count;)
        {
            int length = Math.Min(BlockElements, count - done);
            Add(
                ref sums,
                ref MemoryMarshal.GetReference(alignedStretch.Decode(alignedBytes, done, length)),
                ref MemoryMarshal.GetReference(baseStretch.Decode(baseValues, done, length)),
                ref MemoryMarshal.GetReference(output[(done * TOutput.ByteCount)..]),
                length);
            done += length;
        }

        return sums.ToSums(count);
    }

    public static DeltaSums Sum(ref byte alignedStart, ref byte baseStart, ref byte outputStart, int count)
    {
        var sums = default(Accumulator);
        Add(ref sums, ref alignedStart, ref baseStart, ref outputStart, count);
        return sums.ToSums(count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(ref Accumulator sums, ref byte alignedStart, ref byte baseStart, ref byte outputStart, int count)
    {
        Span<byte> rounded = stackalloc byte[sizeof(double)];
        for (int i = 0; i < count; i++)
        {
            double aligned = TAligned.Load(ref Unsafe.Add(ref alignedStart, (nint)i * TAligned.ByteCount));
            double baseValue = TBase.Load(ref Unsafe.Add(ref baseStart, (nint)i * TBase.ByteCount));
            double output = TOutput.Load(ref Unsafe.Add(ref outputStart, (nint)i * TOutput.ByteCount));
            TOutput.Store(aligned, ref rounded[0]);
            sums.Add(aligned, baseValue, output, still: output == TOutput.Load(ref rounded[0]));
        }
    }

    private struct Accumulator
    {
        private long changed;
        private long swallowed;
        private long nan;
        private long infinite;
        private long overflowed;
        private double squaredDelta;
        private double squaredAligned;
        private double appliedDelta;
        private double maxDelta;

        // What is not finite is counted, and left out of the sums: one broken element must not hide all others.
        public void Add(double aligned, double baseValue, double output, bool still)
        {
            double delta = aligned - baseValue;
            bool isChanged = aligned != baseValue && !(double.IsNaN(aligned) && double.IsNaN(baseValue));
            changed += isChanged ? 1 : 0;
            swallowed += isChanged && still ? 1 : 0;
            nan += double.IsNaN(output) ? 1 : 0;
            infinite += double.IsInfinity(output) ? 1 : 0;
            overflowed += double.IsInfinity(output) && double.IsFinite(aligned) && double.IsFinite(baseValue) ? 1 : 0;
            if (double.IsFinite(aligned))
            {
                squaredAligned += aligned * aligned;
            }

            if (double.IsFinite(delta))
            {
                squaredDelta += delta * delta;
                maxDelta = Math.Max(maxDelta, Math.Abs(delta));
                appliedDelta += double.IsFinite(output) ? (output - aligned) * delta : 0;
            }
        }

        public readonly DeltaSums ToSums(int count) => new()
        {
            Elements = count,
            Changed = changed,
            Swallowed = swallowed,
            NaN = nan,
            Infinite = infinite,
            Overflowed = overflowed,
            SquaredDelta = squaredDelta,
            SquaredAligned = squaredAligned,
            AppliedDelta = appliedDelta,
            MaxDelta = maxDelta,
        };
    }
}
