using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <inheritdoc cref="IBF16Pairs"/>
internal readonly struct BF16Pairs256 : IBF16Pairs
{
    private const int ElementBytes = sizeof(ushort);

    public static int Count => 2 * Vector256<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector256<float> factor = Vector256.Create(alpha);
        Vector256<ushort> largest = Vector256<ushort>.Zero;
        Vector256<ushort> nextLargest = Vector256<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            nint next = i + Vector256<ushort>.Count;
            Vector256<float> lower = Load(ref aligned, i - 1);
            Vector256<float> upper = Load(ref aligned, i);
            Vector256<float> nextLower = Load(ref aligned, next - 1);
            Vector256<float> nextUpper = Load(ref aligned, next);

            Vector256<float> lowerDelta = TRounding.Round(lower - Load(ref baseValues, i - 1));
            Vector256<float> upperDelta = TRounding.Round(upper - Load(ref baseValues, i));
            Vector256<float> nextLowerDelta = TRounding.Round(nextLower - Load(ref baseValues, next - 1));
            Vector256<float> nextUpperDelta = TRounding.Round(nextUpper - Load(ref baseValues, next));

            lowerDelta = TRounding.Round(factor * lowerDelta);
            upperDelta = TRounding.Round(factor * upperDelta);
            nextLowerDelta = TRounding.Round(factor * nextLowerDelta);
            nextUpperDelta = TRounding.Round(factor * nextUpperDelta);

            lower += lowerDelta;
            upper += upperDelta;
            nextLower += nextLowerDelta;
            nextUpper += nextUpperDelta;

            Vector256<ushort> words = Blend(lower.AsUInt32() >>> 16, upper.AsUInt32());
            Vector256<ushort> nextWords = Blend(nextLower.AsUInt32() >>> 16, nextUpper.AsUInt32());
            Vector256<ushort> rest = Blend(lower.AsUInt32(), upper.AsUInt32() << 16);
            Vector256<ushort> nextRest = Blend(nextLower.AsUInt32(), nextUpper.AsUInt32() << 16);
            largest = Vector256.Max(largest, words + words);
            nextLargest = Vector256.Max(nextLargest, nextWords + nextWords);
            Store(Round(words, rest), ref output, i);
            Store(Round(nextWords, nextRest), ref output, next);
        }

        return !Vector256.GreaterThanAny(Vector256.Max(largest, nextLargest), Vector256.Create(BF16Rounding.TwiceInfinity));
    }

    /// <summary>Every second element as float32, beginning with the one behind <paramref name="index"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load(ref byte source, nint index) =>
        (Vector256.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32() & Vector256.Create(BF16Rounding.UpperHalf)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));

    /// <summary>The lower halves of the one's words and the upper halves of the other's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Blend(Vector256<uint> lower, Vector256<uint> upper) =>
        Avx2.IsSupported
            ? Avx2.Blend(lower.AsUInt16(), upper.AsUInt16(), 0b1010_1010)
            : Vector256.ConditionalSelect(Vector256.Create(BF16Rounding.UpperHalf), upper, lower).AsUInt16();

    // One more than the upper half where the lower one is more than a half, or a half behind an odd upper half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Round(Vector256<ushort> upperHalves, Vector256<ushort> lowerHalves) =>
        upperHalves + (Vector256.SubtractSaturate(lowerHalves, Vector256.AndNot(Vector256<ushort>.One, upperHalves)) >>> 15);
}
