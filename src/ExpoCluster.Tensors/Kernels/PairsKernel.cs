using System.Runtime.CompilerServices;
using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>A kernel with a short way for what nearly all weights are. A run with anything else among it is computed again.</summary>
internal abstract class PairsKernel<TElement, TOperator, TPairs128, TPairs256, TPairs512>(float alpha, VectorWidth width)
    : ElementwiseKernel<float, TElement, TElement, TElement, TOperator>(alpha, width)
    where TElement : struct, IElementReader<float>, IElementWriter<float>
    where TOperator : struct, IMergeOperator<float>, IIntermediateRounding<float>
    where TPairs128 : struct, IPairs
    where TPairs256 : struct, IPairs
    where TPairs512 : struct, IPairs
{
    // Few enough that one such element does not cost much: all of them are computed again.
    private const int RunElements = 8192;

    protected override int RunVectors(VectorWidth width, ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha) => width switch
    {
        VectorWidth.Bits512 => Runs<TPairs512, Lanes512<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits256 => Runs<TPairs256, Lanes256<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits128 => Runs<TPairs128, Lanes128<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        _ => 0,
    };

    /// <returns>The first element that did not fill a step.</returns>
    private static int Runs<TPairs, TLanes>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
        where TPairs : struct, IPairs
        where TLanes : struct, ILanes<float>
    {
        int i = 0;
        while (count - i >= TPairs.Count)
        {
            int run = Math.Min(RunElements, (count - i) / TPairs.Count * TPairs.Count);
            nint offset = (nint)i * sizeof(ushort);
            bool isMerged = TPairs.TryMerge<TOperator>(
                ref Unsafe.Add(ref aligned, offset), ref Unsafe.Add(ref baseValues, offset), ref Unsafe.Add(ref output, offset), run, alpha);
            if (!isMerged)
            {
                Traverse<TLanes>(ref aligned, ref baseValues, ref output, i, i + run, alpha);
            }

            i += run;
        }

        return i;
    }
}
