using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <inheritdoc cref="BF16Pairs128"/>
internal readonly struct BF16Pairs256 : IPairs
{
    private const int ElementBytes = sizeof(ushort);

    public static int Count => 2 * Vector256<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector256<float> factor = Vector256.Create(alpha);
        Vector256<uint> upperHalf = Vector256.Create(Pairs.UpperHalf);
        Vector256<uint> half = Vector256.Create(BF16Rounding.Half);
        Vector256<ushort> one = Vector256<ushort>.One;
        Vector256<ushort> seen = Vector256<ushort>.Zero;
        Vector256<ushort> nextSeen = Vector256<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            Vector256<uint> pairs = Load(ref aligned, i);
            Vector256<uint> nextPairs = Load(ref aligned, i + Vector256<ushort>.Count);
            Vector256<float> lower = (pairs << 16).AsSingle();
            Vector256<float> upper = (pairs & upperHalf).AsSingle();
            Vector256<float> nextLower = (nextPairs << 16).AsSingle();
            Vector256<float> nextUpper = (nextPairs & upperHalf).AsSingle();

            Vector256<uint> basePairs = Load(ref baseValues, i);
            Vector256<uint> nextBasePairs = Load(ref baseValues, i + Vector256<ushort>.Count);
            Vector256<float> lowerDelta = TRounding.Round(lower - (basePairs << 16).AsSingle());
            Vector256<float> upperDelta = TRounding.Round(upper - (basePairs & upperHalf).AsSingle());
            Vector256<float> nextLowerDelta = TRounding.Round(nextLower - (nextBasePairs << 16).AsSingle());
            Vector256<float> nextUpperDelta = TRounding.Round(nextUpper - (nextBasePairs & upperHalf).AsSingle());

            lowerDelta = TRounding.Round(factor * lowerDelta);
            upperDelta = TRounding.Round(factor * upperDelta);
            nextLowerDelta = TRounding.Round(factor * nextLowerDelta);
            nextUpperDelta = TRounding.Round(factor * nextUpperDelta);

            lower += lowerDelta;
            upper += upperDelta;
            nextLower += nextLowerDelta;
            nextUpper += nextUpperDelta;

            Vector256<uint> lowerBits = lower.AsUInt32() + half;
            Vector256<uint> upperBits = upper.AsUInt32() + half;
            Vector256<uint> nextLowerBits = nextLower.AsUInt32() + half;
            Vector256<uint> nextUpperBits = nextUpper.AsUInt32() + half;

            Vector256<ushort> words = Pairs.Blend(lowerBits >>> 16, upperBits);
            Vector256<ushort> nextWords = Pairs.Blend(nextLowerBits >>> 16, nextUpperBits);
            Vector256<ushort> rest = Pairs.Blend(lowerBits, upperBits << 16);
            Vector256<ushort> nextRest = Pairs.Blend(nextLowerBits, nextUpperBits << 16);
            seen |= words;
            nextSeen |= nextWords;
            Store(Vector256.AndNot(words, Vector256.SubtractSaturate(one, rest)), ref output, i);
            Store(Vector256.AndNot(nextWords, Vector256.SubtractSaturate(one, nextRest)), ref output, i + Vector256<ushort>.Count);
        }

        bool allAreSmall = ((seen | nextSeen) & Vector256.Create(Pairs.TwoOrMore)) == Vector256<ushort>.Zero;
        return allAreSmall || !Pairs.AnyIsBeyond(BF16Rounding.TwiceInfinity, ref output, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Load(ref byte source, nint index) =>
        Vector256.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));
}
