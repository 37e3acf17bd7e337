using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Sums in float32 over short blocks, in double over blocks.</summary>
/// <remarks>
/// A block has 128 elements a lane, so a block's sum is off by a few millionths at the most. A block whose sums are not finite, or so
/// small that squares may have vanished, is summed again in double.
/// </remarks>
internal sealed class SingleDeltaMeasure<TAligned, TBase, TOutput> : DeltaMeasure
    where TAligned : struct, IElementReader<float>, IElementWriter<float>
    where TBase : struct, IElementReader<float>, IElementWriter<float>
    where TOutput : struct, IElementReader<float>, IElementWriter<float>
{
    // Two vectors of 256 bits on every machine: where the hardware has others, the runtime makes them from what it has.
    private const int Lanes = 16;
    private const int HalfLanes = 8;
    private const int BlockElements = 128 * Lanes;
    private const double SmallestTrustedSum = 1e-28;

    public override DeltaSums Measure(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> output)
    {
        ref byte alignedStart = ref MemoryMarshal.GetReference(aligned);
        ref byte baseStart = ref MemoryMarshal.GetReference(baseValues);
        ref byte outputStart = ref MemoryMarshal.GetReference(output);
        int count = output.Length / TOutput.ByteCount;
        var sums = default(DeltaSums);
        int done = 0;
        while (count - done >= Lanes)
        {
            int block = Math.Min(BlockElements, (count - done) / Lanes * Lanes);
            sums += Block(
                ref Unsafe.Add(ref alignedStart, (nint)done * TAligned.ByteCount),
                ref Unsafe.Add(ref baseStart, (nint)done * TBase.ByteCount),
                ref Unsafe.Add(ref outputStart, (nint)done * TOutput.ByteCount),
                block);
            done += block;
        }

        return sums + Exactly(
            ref Unsafe.Add(ref alignedStart, (nint)done * TAligned.ByteCount),
            ref Unsafe.Add(ref baseStart, (nint)done * TBase.ByteCount),
            ref Unsafe.Add(ref outputStart, (nint)done * TOutput.ByteCount),
            count - done);
    }

    private static DeltaSums Exactly(ref byte aligned, ref byte baseValues, ref byte output, int count) =>
        WideDeltaMeasure<SingleAsDouble<TAligned>, SingleAsDouble<TBase>, SingleAsDouble<TOutput>>
            .Sum(ref aligned, ref baseValues, ref output, count);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static DeltaSums Block(ref byte aligned, ref byte baseValues, ref byte output, int count)
    {
        var low = default(Half);
        var high = default(Half);
        for (int i = 0; i < count; i += Lanes)
        {
            low.Add(
                ref Unsafe.Add(ref aligned, i * TAligned.ByteCount),
                ref Unsafe.Add(ref baseValues, i * TBase.ByteCount),
                ref Unsafe.Add(ref output, i * TOutput.ByteCount));
            high.Add(
                ref Unsafe.Add(ref aligned, (i + HalfLanes) * TAligned.ByteCount),
                ref Unsafe.Add(ref baseValues, (i + HalfLanes) * TBase.ByteCount),
                ref Unsafe.Add(ref output, (i + HalfLanes) * TOutput.ByteCount));
        }

        double squaredDelta = Sum(low.SquaredDelta, high.SquaredDelta);
        double squaredAligned = Sum(low.SquaredAligned, high.SquaredAligned);
        double appliedDelta = Sum(low.AppliedDelta, high.AppliedDelta);
        long changed = Vector256.Sum(low.Changed + high.Changed);
        bool isTooSmall = changed > 0 && squaredDelta < SmallestTrustedSum;
        if (isTooSmall || !double.IsFinite(squaredDelta + squaredAligned + appliedDelta))
        {
            return Exactly(ref aligned, ref baseValues, ref output, count);
        }

        return new DeltaSums
        {
            Elements = count,
            Changed = changed,
            Swallowed = Vector256.Sum(low.Swallowed + high.Swallowed),
            SquaredDelta = squaredDelta,
            SquaredAligned = squaredAligned,
            AppliedDelta = appliedDelta,
            MaxDelta = Max(Vector256.Max(low.MaxDelta, high.MaxDelta)),
        };
    }

    // Lane by lane, so that the order is the same on every machine; Vector256.Sum may pair them as it likes.
    private static double Sum(Vector256<float> low, Vector256<float> high)
    {
        double sum = 0;
        for (int lane = 0; lane < HalfLanes; lane++)
        {
            sum += (double)low[lane] + high[lane];
        }

        return sum;
    }

    private static double Max(Vector256<float> values)
    {
        float max = 0;
        for (int lane = 0; lane < HalfLanes; lane++)
        {
            max = Math.Max(max, values[lane]);
        }

        return max;
    }

    /// <summary>The sums of eight lanes.</summary>
    private struct Half
    {
        public Vector256<float> SquaredDelta;
        public Vector256<float> SquaredAligned;
        public Vector256<float> AppliedDelta;
        public Vector256<float> MaxDelta;
        public Vector256<int> Changed;
        public Vector256<int> Swallowed;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ref byte alignedBytes, ref byte baseBytes, ref byte outputBytes)
        {
            Vector256<float> aligned = TAligned.Load256(ref alignedBytes);
            Vector256<float> baseValues = TBase.Load256(ref baseBytes);
            Vector256<float> output = TOutput.Load256(ref outputBytes);
            Vector256<float> delta = aligned - baseValues;
            SquaredDelta += delta * delta;
            SquaredAligned += aligned * aligned;
            AppliedDelta += (output - aligned) * delta;
            MaxDelta = Vector256.Max(MaxDelta, Vector256.Abs(delta));
            Vector256<int> changed = ~Vector256.Equals(aligned, baseValues).AsInt32();
            Vector256<int> still = Vector256.Equals(output, AsOutput(aligned)).AsInt32();
            // A comparison's true is minus one.
            Changed -= changed;
            Swallowed -= changed & still;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<float> AsOutput(Vector256<float> aligned)
        {
            if (typeof(TAligned) == typeof(TOutput))
            {
                return aligned;
            }

            // Room for eight elements of the widest dtype.
            Vector512<byte> rounded = default;
            ref byte start = ref Unsafe.As<Vector512<byte>, byte>(ref rounded);
            TOutput.Store256(aligned, ref start);
            return TOutput.Load256(ref start);
        }
    }
}
