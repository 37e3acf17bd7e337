using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <inheritdoc cref="IBF16Pairs"/>
internal readonly struct BF16Pairs128 : IBF16Pairs
{
    private const int ElementBytes = sizeof(ushort);

    public static int Count => 2 * Vector128<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector128<float> factor = Vector128.Create(alpha);
        Vector128<ushort> largest = Vector128<ushort>.Zero;
        Vector128<ushort> nextLargest = Vector128<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            nint next = i + Vector128<ushort>.Count;
            Vector128<float> lower = Load(ref aligned, i - 1);
            Vector128<float> upper = Load(ref aligned, i);
            Vector128<float> nextLower = Load(ref aligned, next - 1);
            Vector128<float> nextUpper = Load(ref aligned, next);

            Vector128<float> lowerDelta = TRounding.Round(lower - Load(ref baseValues, i - 1));
            Vector128<float> upperDelta = TRounding.Round(upper - Load(ref baseValues, i));
            Vector128<float> nextLowerDelta = TRounding.Round(nextLower - Load(ref baseValues, next - 1));
            Vector128<float> nextUpperDelta = TRounding.Round(nextUpper - Load(ref baseValues, next));

            lowerDelta = TRounding.Round(factor * lowerDelta);
            upperDelta = TRounding.Round(factor * upperDelta);
            nextLowerDelta = TRounding.Round(factor * nextLowerDelta);
            nextUpperDelta = TRounding.Round(factor * nextUpperDelta);

            lower += lowerDelta;
            upper += upperDelta;
            nextLower += nextLowerDelta;
            nextUpper += nextUpperDelta;

            Vector128<ushort> words = Blend(lower.AsUInt32() >>> 16, upper.AsUInt32());
            Vector128<ushort> nextWords = Blend(nextLower.AsUInt32() >>> 16, nextUpper.AsUInt32());
            Vector128<ushort> rest = Blend(lower.AsUInt32(), upper.AsUInt32() << 16);
            Vector128<ushort> nextRest = Blend(nextLower.AsUInt32(), nextUpper.AsUInt32() << 16);
            largest = Vector128.Max(largest, words + words);
            nextLargest = Vector128.Max(nextLargest, nextWords + nextWords);
            Store(Round(words, rest), ref output, i);
            Store(Round(nextWords, nextRest), ref output, next);
        }

        return !Vector128.GreaterThanAny(Vector128.Max(largest, nextLargest), Vector128.Create(BF16Rounding.TwiceInfinity));
    }

    /// <summary>Every second element as float32, beginning with the one behind <paramref name="index"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Load(ref byte source, nint index) =>
        (Vector128.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32() & Vector128.Create(BF16Rounding.UpperHalf)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));

    /// <summary>The lower halves of the one's words and the upper halves of the other's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> Blend(Vector128<uint> lower, Vector128<uint> upper) =>
        Sse41.IsSupported
            ? Sse41.Blend(lower.AsUInt16(), upper.AsUInt16(), 0b1010_1010)
            : Vector128.ConditionalSelect(Vector128.Create(BF16Rounding.UpperHalf), upper, lower).AsUInt16();

    // One more than the upper half where the lower one is more than a half, or a half behind an odd upper half.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> Round(Vector128<ushort> upperHalves, Vector128<ushort> lowerHalves) =>
        upperHalves + (Vector128.SubtractSaturate(lowerHalves, Vector128.AndNot(Vector128<ushort>.One, upperHalves)) >>> 15);
}
