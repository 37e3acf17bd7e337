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
    public static bool Merge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector256<float> factor = Vector256.Create(alpha);
        Vector256<uint> upperHalf = Vector256.Create(BF16Rounding.UpperHalf);
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

            Vector256<ushort> words = Blend(lowerBits >>> 16, upperBits);
            Vector256<ushort> nextWords = Blend(nextLowerBits >>> 16, nextUpperBits);
            Vector256<ushort> rest = Blend(lowerBits, upperBits << 16);
            Vector256<ushort> nextRest = Blend(nextLowerBits, nextUpperBits << 16);
            seen |= words;
            nextSeen |= nextWords;
            Store(Vector256.AndNot(words, Vector256.SubtractSaturate(one, rest)), ref output, i);
            Store(Vector256.AndNot(nextWords, Vector256.SubtractSaturate(one, nextRest)), ref output, i + Vector256<ushort>.Count);
        }

        return ((seen | nextSeen) & Vector256.Create(BF16Rounding.TwoOrMore)) == Vector256<ushort>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Load(ref byte source, nint index) =>
        Vector256.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));

    /// <summary>The lower halves of the one's words and the upper halves of the other's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ushort> Blend(Vector256<uint> lower, Vector256<uint> upper) =>
        Avx2.IsSupported
            ? Avx2.Blend(lower.AsUInt16(), upper.AsUInt16(), 0b1010_1010)
            : Vector256.ConditionalSelect(Vector256.Create(BF16Rounding.UpperHalf), upper, lower).AsUInt16();
}
