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
    public static bool Merge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector128<float> factor = Vector128.Create(alpha);
        Vector128<uint> upperHalf = Vector128.Create(BF16Rounding.UpperHalf);
        Vector128<uint> half = Vector128.Create(BF16Rounding.Half);
        Vector128<ushort> one = Vector128<ushort>.One;
        Vector128<ushort> seen = Vector128<ushort>.Zero;
        Vector128<ushort> nextSeen = Vector128<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            Vector128<uint> pairs = Load(ref aligned, i);
            Vector128<uint> nextPairs = Load(ref aligned, i + Vector128<ushort>.Count);
            Vector128<float> lower = (pairs << 16).AsSingle();
            Vector128<float> upper = (pairs & upperHalf).AsSingle();
            Vector128<float> nextLower = (nextPairs << 16).AsSingle();
            Vector128<float> nextUpper = (nextPairs & upperHalf).AsSingle();

            Vector128<uint> basePairs = Load(ref baseValues, i);
            Vector128<uint> nextBasePairs = Load(ref baseValues, i + Vector128<ushort>.Count);
            Vector128<float> lowerDelta = TRounding.Round(lower - (basePairs << 16).AsSingle());
            Vector128<float> upperDelta = TRounding.Round(upper - (basePairs & upperHalf).AsSingle());
            Vector128<float> nextLowerDelta = TRounding.Round(nextLower - (nextBasePairs << 16).AsSingle());
            Vector128<float> nextUpperDelta = TRounding.Round(nextUpper - (nextBasePairs & upperHalf).AsSingle());

            lowerDelta = TRounding.Round(factor * lowerDelta);
            upperDelta = TRounding.Round(factor * upperDelta);
            nextLowerDelta = TRounding.Round(factor * nextLowerDelta);
            nextUpperDelta = TRounding.Round(factor * nextUpperDelta);

            lower += lowerDelta;
            upper += upperDelta;
            nextLower += nextLowerDelta;
            nextUpper += nextUpperDelta;

            Vector128<uint> lowerBits = lower.AsUInt32() + half;
            Vector128<uint> upperBits = upper.AsUInt32() + half;
            Vector128<uint> nextLowerBits = nextLower.AsUInt32() + half;
            Vector128<uint> nextUpperBits = nextUpper.AsUInt32() + half;

            Vector128<ushort> words = Blend(lowerBits >>> 16, upperBits);
            Vector128<ushort> nextWords = Blend(nextLowerBits >>> 16, nextUpperBits);
            Vector128<ushort> rest = Blend(lowerBits, upperBits << 16);
            Vector128<ushort> nextRest = Blend(nextLowerBits, nextUpperBits << 16);
            seen |= words;
            nextSeen |= nextWords;
            Store(Vector128.AndNot(words, Vector128.SubtractSaturate(one, rest)), ref output, i);
            Store(Vector128.AndNot(nextWords, Vector128.SubtractSaturate(one, nextRest)), ref output, i + Vector128<ushort>.Count);
        }

        return ((seen | nextSeen) & Vector128.Create(BF16Rounding.TwoOrMore)) == Vector128<ushort>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Load(ref byte source, nint index) =>
        Vector128.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));

    /// <summary>The lower halves of the one's words and the upper halves of the other's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ushort> Blend(Vector128<uint> lower, Vector128<uint> upper) =>
        Sse41.IsSupported
            ? Sse41.Blend(lower.AsUInt16(), upper.AsUInt16(), 0b1010_1010)
            : Vector128.ConditionalSelect(Vector128.Create(BF16Rounding.UpperHalf), upper, lower).AsUInt16();
}
