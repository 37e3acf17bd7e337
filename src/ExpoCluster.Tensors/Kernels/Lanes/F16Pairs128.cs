using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ExpoCluster.Tensors.Kernels.Lanes;

/// <summary>Pairs of finite F16.</summary>
/// <remarks>Infinities and NaNs are looked for if an input has the bit that magnitudes of 2 or more have, which few weights are.</remarks>
internal readonly struct F16Pairs128 : IPairs
{
    public static int Count => Vector128<ushort>.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryMerge<TRounding>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TRounding : struct, IIntermediateRounding<float>
    {
        Vector128<float> factor = Vector128.Create(alpha);
        Vector128<ushort> seen = Vector128<ushort>.Zero;
        for (nint i = 0; i < count; i += Count)
        {
            nint offset = i * sizeof(ushort);
            Vector128<uint> pairs = Vector128.LoadUnsafe(ref Unsafe.Add(ref aligned, offset)).AsUInt32();
            Vector128<uint> basePairs = Vector128.LoadUnsafe(ref Unsafe.Add(ref baseValues, offset)).AsUInt32();
            seen |= (pairs | basePairs).AsUInt16();

            Vector128<float> lower = F16PairConversion.WidenUpper(pairs << 16);
            Vector128<float> upper = F16PairConversion.WidenUpper(pairs);
            lower += TRounding.Round(factor * TRounding.Round(lower - F16PairConversion.WidenUpper(basePairs << 16)));
            upper += TRounding.Round(factor * TRounding.Round(upper - F16PairConversion.WidenUpper(basePairs)));
            F16PairConversion.Narrow(lower, upper).AsByte().StoreUnsafe(ref Unsafe.Add(ref output, offset));
        }

        bool allAreSmall = (seen & Vector128.Create(Pairs.TwoOrMore)) == Vector128<ushort>.Zero;
        return allAreSmall
            || (!Pairs.AnyIsBeyond(F16PairConversion.TwiceLargest, ref aligned, count)
                && !Pairs.AnyIsBeyond(F16PairConversion.TwiceLargest, ref baseValues, count));
    }
}
