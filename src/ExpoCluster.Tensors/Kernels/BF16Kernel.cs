using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The kernel of nearly all models: BF16 in, BF16 out. Its vectors hold pairs of elements.</summary>
internal sealed class BF16Kernel<TOperator>(float alpha, VectorWidth width)
    : ElementwiseKernel<float, BF16Element, BF16Element, BF16Element, TOperator>(alpha, width)
    where TOperator : struct, IMergeOperator<float>
{
    protected override int RunVectors(VectorWidth width, ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha) => width switch
    {
        VectorWidth.Bits512 => Traverse<BF16Pairs512>(ref aligned, ref baseValues, ref output, 0, count, alpha),
        VectorWidth.Bits256 => Traverse<BF16Pairs256>(ref aligned, ref baseValues, ref output, 0, count, alpha),
        VectorWidth.Bits128 => Traverse<BF16Pairs128>(ref aligned, ref baseValues, ref output, 0, count, alpha),
        _ => 0,
    };
}
