using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>The kernel for what a formula is computed in: two sources of one dtype, which they are decoded to where they are stored in another.</summary>
internal static class ExpoKernelSelection
{
    /// <param name="source">F32 or F64; BF16 or F16 where the output is the same.</param>
    /// <param name="output">An arithmetic dtype.</param>
    /// <param name="isOfficial">Every operation is rounded to BF16, which all three are.</param>
    /// <param name="alpha">Any finite number.</param>
    /// <param name="width">The code path.</param>
    public static ExpoKernel Select(Dtype source, Dtype output, bool isOfficial, double alpha, VectorWidth width) => source switch
    {
        Dtype.BF16 when isOfficial => new BF16Kernel<OfficialOperator>((float)alpha, width),
        Dtype.BF16 => new BF16Kernel<ExactOperator<float>>((float)alpha, width),
        Dtype.F16 => new F16Kernel((float)alpha, width),
        Dtype.F64 => InDouble(output, alpha, width),
        _ => InSingle(output, (float)alpha, width),
    };

    private static ExpoKernel InSingle(Dtype output, float alpha, VectorWidth width) => output switch
    {
        Dtype.BF16 => new ElementwiseKernel<float, F32Element, F32Element, BF16Element, ExactOperator<float>>(alpha, width),
        Dtype.F16 => new ElementwiseKernel<float, F32Element, F32Element, F16Element, ExactOperator<float>>(alpha, width),
        Dtype.F64 => new ElementwiseKernel<float, F32Element, F32Element, F64AsSingle, ExactOperator<float>>(alpha, width),
        _ => new ElementwiseKernel<float, F32Element, F32Element, F32Element, ExactOperator<float>>(alpha, width),
    };

    private static ExpoKernel InDouble(Dtype output, double alpha, VectorWidth width) => output switch
    {
        Dtype.BF16 => new ElementwiseKernel<double, F64Element, F64Element, SingleAsDouble<BF16Element>, ExactOperator<double>>(alpha, width),
        Dtype.F16 => new ElementwiseKernel<double, F64Element, F64Element, SingleAsDouble<F16Element>, ExactOperator<double>>(alpha, width),
        Dtype.F32 => new ElementwiseKernel<double, F64Element, F64Element, SingleAsDouble<F32Element>, ExactOperator<double>>(alpha, width),
        _ => new ElementwiseKernel<double, F64Element, F64Element, F64Element, ExactOperator<double>>(alpha, width),
    };
}
