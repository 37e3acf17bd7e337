using ExpoCluster.Tensors.Kernels.Elements;
using ExpoCluster.Tensors.Kernels.Lanes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>F16 in, F16 out.</summary>
/// <param name="alpha">Below <see cref="AlphaLimit"/> in magnitude.</param>
/// <param name="width">The code path.</param>
internal sealed class F16Kernel(float alpha, VectorWidth width) : PairsKernel<F16Element, ExactOperator<float>>(alpha, width)
{
    /// <summary>Keeps results of finite inputs, each below 2^16, from what F16PairConversion cannot narrow.</summary>
    public const float AlphaLimit = 1 << 30;

    protected override int RunVectors(VectorWidth width, ref byte aligned, ref byte baseValues, ref byte output, int count, float alpha) => width switch
    {
        VectorWidth.Bits512 => Runs<F16Pairs512, Lanes512<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits256 => Runs<F16Pairs256, Lanes256<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        VectorWidth.Bits128 => Runs<F16Pairs128, Lanes128<float>>(ref aligned, ref baseValues, ref output, count, alpha),
        _ => 0,
    };
}
