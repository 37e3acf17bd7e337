using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The kernel of nearly all models: BF16 in, BF16 out. A run with a NaN among its results is computed again.</summary>
internal sealed class BF16Kernel<TOperator>(float alpha, VectorWidth width)
    : ElementwiseKernel<float, BF16Element, BF16Element, BF16Element, TOperator>(alpha, width)
    where TOperator : struct, IMergeOperator<float>, IIntermediateRounding<float>
{
    // Few enough that one NaN does not cost much: all of them are computed again.
    private const int RunElements = 8192;

    private const ushort TwiceInfinity = 0xFF00;

    protected override int RunVectors(VectorWidth width, ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha) => width switch
    {
        VectorWidth.Bits512 => Runs<BF16Pairs512, Lanes512<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits256 => Runs<BF16Pairs256, Lanes256<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits128 => Runs<BF16Pairs128, Lanes128<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        _ => 0,
    };

    private static int Runs<TPairs, TLanes>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TPairs : struct, IBF16Pairs
        where TLanes : struct, ILanes<float>
    {
        int i = 0;
        while (count - i >= TPairs.Count)
        {
            int run = Math.Min(RunElements, (count - i) / TPairs.Count * TPairs.Count);
            nint offset = (nint)i * BF16Element.ByteCount;
            ref byte outputRun = ref Unsafe.Add(ref output, offset);
            bool allAreSmall = TPairs.Merge<TOperator>(
                ref Unsafe.Add(ref aligned, offset), ref Unsafe.Add(ref baseValues, offset), ref outputRun, run, alpha);
            if (!allAreSmall && HoldsNaN(ref outputRun, run))
            {
                Traverse<TLanes>(ref aligned, ref baseValues, ref output, i, i + run, alpha);
            }

            i += run;
        }

        return i;
    }

    /// <summary>Whether one of a whole number of steps' results is NaN: shifted out of its sign, it is greater than infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool HoldsNaN(ref byte elements, int count)
    {
        Vector128<ushort> largest = Vector128<ushort>.Zero;
        for (nint i = 0; i < count; i += Vector128<ushort>.Count)
        {
            Vector128<ushort> words = Vector128.LoadUnsafe(ref Unsafe.Add(ref elements, i * BF16Element.ByteCount)).AsUInt16();
            largest = Vector128.Max(largest, words << 1);
        }

        return Vector128.GreaterThanAny(largest, Vector128.Create(TwiceInfinity));
    }
}
