using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <inheritdoc cref="F16Pairs128"/>
internal readonly struct F16Pairs512 : IPairs
{
    public static int Count => Vector512<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector512<float> factor = Vector512.Create(alpha);
        Vector512<ushort> seen = Vector512<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            nint offset = i * sizeof(ushort);
            Vector512<uint> pairs = Vector512.LoadUnsafe(ref Unsafe.Add(ref aligned, offset)).AsUInt32();
            Vector512<uint> basePairs = Vector512.LoadUnsafe(ref Unsafe.Add(ref baseValues, offset)).AsUInt32();
            seen |= (pairs | basePairs).AsUInt16();

            Vector512<float> lower = F16PairConversion.WidenUpper(pairs << 16);
            Vector512<float> upper = F16PairConversion.WidenUpper(pairs);
            lower += TRounding.Round(factor * TRounding.Round(lower - F16PairConversion.WidenUpper(basePairs << 16)));
            upper += TRounding.Round(factor * TRounding.Round(upper - F16PairConversion.WidenUpper(basePairs)));
            F16PairConversion.Narrow(lower, upper).AsByte().StoreUnsafe(ref Unsafe.Add(ref output, offset));
        }

        bool allAreSmall = (seen & Vector512.Create(Pairs.TwoOrMore)) == Vector512<ushort>.Zero;
        return allAreSmall
            || (!Pairs.AnyIsBeyond(F16PairConversion.TwiceLargest, ref aligned, count)
                && !Pairs.AnyIsBeyond(F16PairConversion.TwiceLargest, ref baseValues, count));
    }
}
