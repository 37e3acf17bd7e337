using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Element by element in double: for F64, for what is left over, and for runs that hold NaN or infinity.</summary>
internal sealed class WideDeltaMeasure<TAligned, TBase, TOutput> : DeltaMeasure
    where TAligned : struct, IElementReader<double>
    where TBase : struct, IElementReader<double>
    where TOutput : struct, IElementReader<double>, IElementWriter<double>
{
    public override DeltaSums Measure(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> output) => Sum(
        ref MemoryMarshal.GetReference(aligned),
        ref MemoryMarshal.GetReference(baseValues),
        ref MemoryMarshal.GetReference(output),
        output.Length / TOutput.ByteCount);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static DeltaSums Sum(ref byte alignedStart, ref byte baseStart, ref byte outputStart, int count)
    {
        var sums = default(Accumulator);
        Span<byte> rounded = stackalloc byte[sizeof(double)];
        for (int i = 0; i < count; i++)
        {
            double aligned = TAligned.Load(ref Unsafe.Add(ref alignedStart, (nint)i * TAligned.ByteCount));
            double baseValue = TBase.Load(ref Unsafe.Add(ref baseStart, (nint)i * TBase.ByteCount));
            double output = TOutput.Load(ref Unsafe.Add(ref outputStart, (nint)i * TOutput.ByteCount));
            TOutput.Store(aligned, ref rounded[0]);
            sums.Add(aligned, baseValue, output, still: output == TOutput.Load(ref rounded[0]));
        }

        return sums.ToSums(count);
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
