using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The kernel of nearly all models: BF16 in, BF16 out.</summary>
internal sealed class BF16Kernel<TOperator>(float alpha, VectorWidth width) : PairsKernel<BF16Element, TOperator>(alpha, width)
    where TOperator : struct, IMergeOperator<float>, IIntermediateRounding<float>
{
    protected override int RunVectors(VectorWidth width, ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha) => width switch
    {
        VectorWidth.Bits512 => Runs<BF16Pairs512, Lanes512<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits256 => Runs<BF16Pairs256, Lanes256<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits128 => Runs<BF16Pairs128, Lanes128<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        _ => 0,
    };
}
