using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The kernel of nearly all models: BF16 in, BF16 out.</summary>
internal sealed class BF16Kernel<TOperator>(float alpha, VectorWidth width)
    : PairsKernel<BF16Element, TOperator, BF16Pairs128, BF16Pairs256, BF16Pairs512>(alpha, width)
    where TOperator : struct, IMergeOperator<float>, IIntermediateRounding<float>;
