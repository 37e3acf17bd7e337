using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <inheritdoc cref="F16Pairs128"/>
internal readonly struct F16Pairs256 : IPairs
{
    public static int Count => Vector256<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector256<float> factor = Vector256.Create(alpha);
        Vector256<ushort> seen = Vector256<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            nint offset = i * sizeof(ushort);
            Vector256<uint> pairs = Vector256.LoadUnsafe(ref Unsafe.Add(ref aligned, offset)).AsUInt32();
            Vector256<uint> basePairs = Vector256.LoadUnsafe(ref Unsafe.Add(ref baseValues, offset)).AsUInt32();
            seen |= (pairs | basePairs).AsUInt16();

            Vector256<float> lower = F16PairConversion.WidenUpper(pairs << 16);
            Vector256<float> upper = F16PairConversion.WidenUpper(pairs);
            lower += TRounding.Round(factor * TRounding.Round(lower - F16PairConversion.WidenUpper(basePairs << 16)));
            upper += TRounding.Round(factor * TRounding.Round(upper - F16PairConversion.WidenUpper(basePairs)));
            F16PairConversion.Narrow(lower, upper).AsByte().StoreUnsafe(ref Unsafe.Add(ref output, offset));
        }

        bool allAreSmall = (seen & Vector256.Create(Pairs.TwoOrMore)) == Vector256<ushort>.Zero;
        return allAreSmall
            || (!Pairs.AnyIsBeyond(F16PairConversion.TwiceLargest, ref aligned, count)
                && !Pairs.AnyIsBeyond(F16PairConversion.TwiceLargest, ref baseValues, count));
    }
}
