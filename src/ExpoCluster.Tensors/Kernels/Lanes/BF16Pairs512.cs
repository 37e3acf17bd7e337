using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <inheritdoc cref="IBF16Pairs"/>
internal readonly struct BF16Pairs512 : IBF16Pairs
{
    private const int ElementBytes = sizeof(ushort);

    public static int Count => 2 * Vector512<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector512<float> factor = Vector512.Create(alpha);
        Vector512<ushort> largest = Vector512<ushort>.Zero;
        Vector512<ushort> nextLargest = Vector512<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            nint next = i + Vector512<ushort>.Count;
            Vector512<float> lower = Load(ref aligned, i - 1);
            Vector512<float> upper = Load(ref aligned, i);
            Vector512<float> nextLower = Load(ref aligned, next - 1);
            Vector512<float> nextUpper = Load(ref aligned, next);

            Vector512<float> lowerDelta = TRounding.Round(lower - Load(ref baseValues, i - 1));
            Vector512<float> upperDelta = TRounding.Round(upper - Load(ref baseValues, i));
            Vector512<float> nextLowerDelta = TRounding.Round(nextLower - Load(ref baseValues, next - 1));
            Vector512<float> nextUpperDelta = TRounding.Round(nextUpper - Load(ref baseValues, next));

            lowerDelta = TRounding.Round(factor * lowerDelta);
            upperDelta = TRounding.Round(factor * upperDelta);
            nextLowerDelta = TRounding.Round(factor * nextLowerDelta);
            nextUpperDelta = TRounding.Round(factor * nextUpperDelta);

            lower += lowerDelta;
            upper += upperDelta;
            nextLower += nextLowerDelta;
            nextUpper += nextUpperDelta;

            Vector512<ushort> words = Blend(lower.AsUInt32() >>> 16, upper.AsUInt32());
            Vector512<ushort> nextWords = Blend(nextLower.AsUInt32() >>> 16, nextUpper.AsUInt32());
            Vector512<ushort> rest = Blend(lower.AsUInt32(), upper.AsUInt32() << 16);
            Vector512<ushort> nextRest = Blend(nextLower.AsUInt32(), nextUpper.AsUInt32() << 16);
            largest = Vector512.Max(largest, words + words);
            nextLargest = Vector512.Max(nextLargest, nextWords + nextWords);
            Store(Round(words, rest), ref output, i);
            Store(Round(nextWords, nextRest), ref output, next);
        }

        return !Vector512.GreaterThanAny(Vector512.Max(largest, nextLargest), Vector512.Create(BF16Rounding.TwiceInfinity));
    }

    /// <summary>Every second element as float32, beginning with the one behind <paramref name="index"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(ref byte source, nint index) =>
        (Vector512.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32() & Vector512.Create(BF16Rounding.UpperHalf)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));

    /// <summary>The lower halves of the one's words and the upper halves of the other's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ushort> Blend(Vector512<uint> lower, Vector512<uint> upper) =>
        Vector512.ConditionalSelect(Vector512.Create(BF16Rounding.UpperHalf), upper, lower).AsUInt16();

    // One more than the upper half where the lower one is more than a half, or a half behind an odd upper half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ushort> Round(Vector512<ushort> upperHalves, Vector512<ushort> lowerHalves) =>
        upperHalves + (Vector512.SubtractSaturate(lowerHalves, Vector512.AndNot(Vector512<ushort>.One, upperHalves)) >>> 15);
}
