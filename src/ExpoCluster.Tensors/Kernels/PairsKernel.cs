using System.Runtime.CompilerServices;
using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>A kernel with a short way for what nearly all weights are. A run with anything else among it is computed again.</summary>
internal abstract class PairsKernel<TElement, TOperator>(float alpha, VectorWidth width)
    : ElementwiseKernel<float, TElement, TElement, TElement, TOperator>(alpha, width)
    where TElement : struct, IElementReader<float>, IElementWriter<float>
    where TOperator : struct, IMergeOperator<float>, IIntermediateRounding<float>
{
    // Few enough that one such element does not cost much: all of them are computed again.
    private const int RunElements = 8192;

    /// <returns>The first element that did not fill a step.</returns>
    protected static int Runs<TPairs, TLanes>(ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha)
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
