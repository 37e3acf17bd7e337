using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <inheritdoc cref="BF16Pairs128"/>
internal readonly struct BF16Pairs512 : IPairs
{
    private const int ElementBytes = sizeof(ushort);

    public static int Count => 2 * Vector512<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector512<float> factor = Vector512.Create(alpha);
        Vector512<uint> upperHalf = Vector512.Create(Pairs.UpperHalf);
        Vector512<uint> half = Vector512.Create(BF16Rounding.Half);
        Vector512<ushort> one = Vector512<ushort>.One;
        Vector512<ushort> seen = Vector512<ushort>.Zero;
        Vector512<ushort> nextSeen = Vector512<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            Vector512<uint> pairs = Load(ref aligned, i);
            Vector512<uint> nextPairs = Load(ref aligned, i + Vector512<ushort>.Count);
            Vector512<float> lower = (pairs << 16).AsSingle();
            Vector512<float> upper = (pairs & upperHalf).AsSingle();
            Vector512<float> nextLower = (nextPairs << 16).AsSingle();
            Vector512<float> nextUpper = (nextPairs & upperHalf).AsSingle();

            Vector512<uint> basePairs = Load(ref baseValues, i);
            Vector512<uint> nextBasePairs = Load(ref baseValues, i + Vector512<ushort>.Count);
            Vector512<float> lowerDelta = TRounding.Round(lower - (basePairs << 16).AsSingle());
            Vector512<float> upperDelta = TRounding.Round(upper - (basePairs & upperHalf).AsSingle());
            Vector512<float> nextLowerDelta = TRounding.Round(nextLower - (nextBasePairs << 16).AsSingle());
            Vector512<float> nextUpperDelta = TRounding.Round(nextUpper - (nextBasePairs & upperHalf).AsSingle());

            lowerDelta = TRounding.Round(factor * lowerDelta);
            upperDelta = TRounding.Round(factor * upperDelta);
            nextLowerDelta = TRounding.Round(factor * nextLowerDelta);
            nextUpperDelta = TRounding.Round(factor * nextUpperDelta);

            lower += lowerDelta;
            upper += upperDelta;
            nextLower += nextLowerDelta;
            nextUpper += nextUpperDelta;

            Vector512<uint> lowerBits = lower.AsUInt32() + half;
            Vector512<uint> upperBits = upper.AsUInt32() + half;
            Vector512<uint> nextLowerBits = nextLower.AsUInt32() + half;
            Vector512<uint> nextUpperBits = nextUpper.AsUInt32() + half;

            Vector512<ushort> words = Pairs.Blend(lowerBits >>> 16, upperBits);
            Vector512<ushort> nextWords = Pairs.Blend(nextLowerBits >>> 16, nextUpperBits);
            Vector512<ushort> rest = Pairs.Blend(lowerBits, upperBits << 16);
            Vector512<ushort> nextRest = Pairs.Blend(nextLowerBits, nextUpperBits << 16);
            seen |= words;
            nextSeen |= nextWords;
            Store(Vector512.AndNot(words, Vector512.SubtractSaturate(one, rest)), ref output, i);
            Store(Vector512.AndNot(nextWords, Vector512.SubtractSaturate(one, nextRest)), ref output, i + Vector512<ushort>.Count);
        }

        bool allAreSmall = ((seen | nextSeen) & Vector512.Create(Pairs.TwoOrMore)) == Vector512<ushort>.Zero;
        return allAreSmall || !Pairs.AnyIsBeyond(BF16Rounding.TwiceInfinity, ref output, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Load(ref byte source, nint index) =>
        Vector512.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));
}
