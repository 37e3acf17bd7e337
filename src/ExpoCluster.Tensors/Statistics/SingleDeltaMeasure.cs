using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Sums in float32 over short blocks, in double over blocks.</summary>
/// <remarks>
/// A block has 128 elements a lane, so a block's sum is off by a few millionths at the most. A block whose sums are not finite, or so
/// small that squares may have vanished, is summed again in double.
/// </remarks>
/// <param name="alignedFitsOutput">Aligned's values are all numbers of the output's dtype: rounding leaves them.</param>
internal sealed class SingleDeltaMeasure<TAligned, TBase, TOutput>(bool alignedFitsOutput = false) : DeltaMeasure
    where TAligned : struct, IElementReader<float>, IElementWriter<float>
    where TBase : struct, IElementReader<float>, IElementWriter<float>
    where TOutput : struct, IElementReader<float>, IElementWriter<float>
{
    private const int HalfLanes = 8;
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

    // Every sum is a variable of its own, so that all of them stay in registers.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private DeltaSums Block(ref byte aligned, ref byte baseValues, ref byte output, int count)
    {
        Vector256<float> lowSquaredDelta = default, lowSquaredAligned = default, lowAppliedDelta = default;
        Vector256<float> highSquaredDelta = default, highSquaredAligned = default, highAppliedDelta = default;
        Vector256<float> maxDelta = default;
        Vector256<int> changedCount = default, swallowedCount = default;
        for (int i = 0; i < count; i += Lanes)
        {
            (Vector256<float> a, Vector256<float> nextA) = Load<TAligned>(ref Unsafe.Add(ref aligned, i * TAligned.ByteCount));
            (Vector256<float> b, Vector256<float> nextB) = Load<TBase>(ref Unsafe.Add(ref baseValues, i * TBase.ByteCount));
            (Vector256<float> o, Vector256<float> nextO) = Load<TOutput>(ref Unsafe.Add(ref output, i * TOutput.ByteCount));
            Vector256<float> delta = a - b;
            lowSquaredDelta += delta * delta;
            lowSquaredAligned += a * a;
            lowAppliedDelta += (o - a) * delta;
            maxDelta = Vector256.MaxNative(Vector256.Abs(delta), maxDelta);
            Vector256<int> changed = ~Vector256.Equals(a, b).AsInt32();
            changedCount -= changed;
            swallowedCount -= changed & Vector256.Equals(o, AsOutput(a)).AsInt32();

            (a, b, o) = (nextA, nextB, nextO);
            delta = a - b;
            highSquaredDelta += delta * delta;
            highSquaredAligned += a * a;
            highAppliedDelta += (o - a) * delta;
            maxDelta = Vector256.MaxNative(Vector256.Abs(delta), maxDelta);
            changed = ~Vector256.Equals(a, b).AsInt32();
            changedCount -= changed;
            swallowedCount -= changed & Vector256.Equals(o, AsOutput(a)).AsInt32();
        }

        double squaredDelta = Sum(lowSquaredDelta, highSquaredDelta);
        double squaredAligned = Sum(lowSquaredAligned, highSquaredAligned);
        double appliedDelta = Sum(lowAppliedDelta, highAppliedDelta);
        long changedElements = Vector256.Sum(changedCount);
        bool isTooSmall = changedElements > 0 && squaredDelta < SmallestTrustedSum;
        if (isTooSmall || !double.IsFinite(squaredDelta + squaredAligned + appliedDelta))
        {
            return Exactly(ref aligned, ref baseValues, ref output, count);
        }

        return new DeltaSums
        {
            Elements = count,
            Changed = changedElements,
            Swallowed = Vector256.Sum(swallowedCount),
            SquaredDelta = squaredDelta,
            SquaredAligned = squaredAligned,
            AppliedDelta = appliedDelta,
            MaxDelta = Max(maxDelta),
        };
    }

    // Sixteen elements. Which of them come first does not matter, as long as all three sides have the same order: where all are BF16,
    // two in each 32-bit word, those in the lower halves come first, for it takes half the instructions.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> First, Vector256<float> Second) Load<TElement>(ref byte source)
        where TElement : struct, IElementReader<float>
    {
        if (typeof(TAligned) == typeof(BF16Element) && typeof(TBase) == typeof(BF16Element) && typeof(TOutput) == typeof(BF16Element))
        {
            Vector256<uint> words = Vector256.LoadUnsafe(ref source).AsUInt32();
            return ((words << 16).AsSingle(), (words & Vector256.Create(BF16Rounding.UpperHalf)).AsSingle());
        }

        return (TElement.Load256(ref source), TElement.Load256(ref Unsafe.Add(ref source, HalfLanes * TElement.ByteCount)));
    }

    // Lane by lane, so that the order is the same on every machine; Vector256.Sum may pair them as it likes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Sum(Vector256<float> low, Vector256<float> high)
    {
        double sum = 0;
        for (int lane = 0; lane < HalfLanes; lane++)
        {
            sum += (double)low[lane] + high[lane];
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Max(Vector256<float> values)
    {
        float max = 0;
        for (int lane = 0; lane < HalfLanes; lane++)
        {
            max = Math.Max(max, values[lane]);
        }

        return max;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<float> AsOutput(Vector256<float> aligned)
    {
        if (typeof(TAligned) == typeof(TOutput) || alignedFitsOutput)
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
