using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>F16 in, F16 out.</summary>
/// <param name="alpha">Below <see cref="AlphaLimit"/> in magnitude.</param>
/// <param name="width">The code path.</param>
internal sealed class F16Kernel(float alpha, VectorWidth width)
    : PairsKernel<F16Element, ExactOperator<float>, F16Pairs128, F16Pairs256, F16Pairs512>(alpha, width)
{
    /// <summary>Keeps results of finite inputs, each below 2^16, from what F16PairConversion cannot narrow.</summary>
    public const float AlphaLimit = 1 << 30;
}
