using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>Pairs of BF16.</summary>
/// <remarks>
/// <para>
/// Nothing is widened on the way in or narrowed on the way out: with its lower half masked off, a pair is the float32 of its upper
/// element, and shifted up by a half that of its lower one.
/// </para>
/// <para>
/// A result is rounded by adding half of its word's last bit: the upper half is then the word, if not for results halfway between two
/// words. Those leave nothing in the lower half, and lose the last bit of their word, so that it is even.
/// </para>
/// <para>
/// NaNs get the sign and payload that the processor gives them. They are looked for if a result has the bit that magnitudes of 2 or
/// more have, which few weights are.
/// </para>
/// <para>
/// Each step takes two vectors, and does with both what it does with one before it goes on: so the processor has four operations at
/// a time of which none waits for another.
/// </para>
/// </remarks>
internal readonly struct BF16Pairs128 : IPairs
{
    private const int ElementBytes = sizeof(ushort);

    public static int Count => 2 * Vector128<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector128<float> factor = Vector128.Create(alpha);
        Vector128<uint> upperHalf = Vector128.Create(Pairs.UpperHalf);
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

            Vector128<ushort> words = Pairs.Blend(lowerBits >>> 16, upperBits);
            Vector128<ushort> nextWords = Pairs.Blend(nextLowerBits >>> 16, nextUpperBits);
            Vector128<ushort> rest = Pairs.Blend(lowerBits, upperBits << 16);
            Vector128<ushort> nextRest = Pairs.Blend(nextLowerBits, nextUpperBits << 16);
            seen |= words;
            nextSeen |= nextWords;
            Store(Vector128.AndNot(words, Vector128.SubtractSaturate(one, rest)), ref output, i);
            Store(Vector128.AndNot(nextWords, Vector128.SubtractSaturate(one, nextRest)), ref output, i + Vector128<ushort>.Count);
        }

        bool allAreSmall = ((seen | nextSeen) & Vector128.Create(Pairs.TwoOrMore)) == Vector128<ushort>.Zero;
        return allAreSmall || !Pairs.AnyIsBeyond(BF16Rounding.TwiceInfinity, ref output, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Load(ref byte source, nint index) =>
        Vector128.LoadUnsafe(ref Unsafe.Add(ref source, index * ElementBytes)).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<ushort> words, ref byte target, nint index) =>
        words.AsByte().StoreUnsafe(ref Unsafe.Add(ref target, index * ElementBytes));
}
