using System.Runtime.CompilerServices;
using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The kernel of nearly all models: BF16 in, BF16 out. What holds no NaN goes the short way.</summary>
internal sealed class BF16Kernel<TOperator>(float alpha, VectorWidth width)
    : ElementwiseKernel<float, BF16Element, BF16Element, BF16Element, TOperator>(alpha, width)
    where TOperator : struct, IMergeOperator<float>, IIntermediateRounding<float>
{
    // Few enough that one NaN does not cost much: all of them are computed again.
    private const int RunElements = 8192;

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
        // Pairs look back by one element. A whole step is left out for it, so that the others begin where memory is aligned.
        int i = Traverse<SingleLane<float>>(ref aligned, ref baseValues, ref output, 0, Math.Min(count, TPairs.Count), alpha);
        while (count - i >= TPairs.Count)
        {
            int run = Math.Min(RunElements, (count - i) / TPairs.Count * TPairs.Count);
            nint offset = (nint)i * BF16Element.ByteCount;
            bool areNumbers = TPairs.TryMerge<TOperator>(
                ref Unsafe.Add(ref aligned, offset), ref Unsafe.Add(ref baseValues, offset), ref Unsafe.Add(ref output, offset), run, alpha);
            if (!areNumbers)
            {
                Traverse<TLanes>(ref aligned, ref baseValues, ref output, i, i + run, alpha);
            }

            i += run;
        }

        return i;
    }
}
