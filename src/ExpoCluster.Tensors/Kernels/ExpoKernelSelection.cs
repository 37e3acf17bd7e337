using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels.Elements;
using ExactInDouble = ExpoCluster.Tensors.Kernels.ExactOperator<double>;
using ExactInSingle = ExpoCluster.Tensors.Kernels.ExactOperator<float>;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>Turns dtypes known at run time into the generic kernel that the JIT compiles for them.</summary>
internal static class ExpoKernelSelection
{
    public static ExpoKernel Select(
        Dtype aligned, Dtype baseDtype, Dtype output, Numerics numerics, double alpha, VectorWidth width) => numerics switch
    {
        Numerics.Official when output != Dtype.BF16 =>
            throw new ArgumentException($"Official numerics write BF16 only, not {output.Name()}.", nameof(output)),
        Numerics.Official => Official(aligned, baseDtype, (float)alpha, width),
        Numerics.Stochastic when output == Dtype.F16 =>
            throw new ArgumentException("Stochastic numerics round to BF16 only, not F16.", nameof(output)),
        Numerics.Stochastic when output == Dtype.BF16 => new StochasticKernel(
            Select(aligned, baseDtype, Dtype.F32, Numerics.Exact, alpha, width), aligned.Bits() / 8, baseDtype.Bits() / 8),
        Numerics.Stochastic => Select(aligned, baseDtype, output, Numerics.Exact, alpha, width),
        Numerics.Exact when aligned == Dtype.F64 || baseDtype == Dtype.F64 => InDouble(aligned, baseDtype, output, alpha, width),
        Numerics.Exact => InSingle(aligned, baseDtype, output, (float)alpha, width),
        _ => throw new ArgumentOutOfRangeException(nameof(numerics), numerics, null),
    };

    private static ExpoKernel InSingle(Dtype aligned, Dtype baseDtype, Dtype output, float alpha, VectorWidth width) =>
        aligned switch
        {
            Dtype.BF16 when baseDtype == Dtype.BF16 && output == Dtype.BF16 => new BF16Kernel<ExactInSingle>(alpha, width),
            Dtype.BF16 => InSingle<BF16Element>(baseDtype, output, alpha, width),
            Dtype.F16 when baseDtype == Dtype.F16 && output == Dtype.F16 && Math.Abs(alpha) < F16Kernel.AlphaLimit =>
                new F16Kernel(alpha, width),
            Dtype.F16 => InSingle<F16Element>(baseDtype, output, alpha, width),
            Dtype.F32 => InSingle<F32Element>(baseDtype, output, alpha, width),
            _ => throw NotArithmetic(aligned, nameof(aligned)),
        };

    private static ExpoKernel InSingle<TAligned>(Dtype baseDtype, Dtype output, float alpha, VectorWidth width)
        where TAligned : struct, IElementReader<float> => baseDtype switch
    {
        Dtype.BF16 => InSingle<TAligned, BF16Element>(output, alpha, width),
        Dtype.F16 => InSingle<TAligned, F16Element>(output, alpha, width),
        Dtype.F32 => InSingle<TAligned, F32Element>(output, alpha, width),
        _ => throw NotArithmetic(baseDtype, nameof(baseDtype)),
    };

    private static ExpoKernel InSingle<TAligned, TBase>(Dtype output, float alpha, VectorWidth width)
        where TAligned : struct, IElementReader<float>
        where TBase : struct, IElementReader<float> => output switch
    {
        Dtype.BF16 => new ElementwiseKernel<float, TAligned, TBase, BF16Element, ExactInSingle>(alpha, width),
        Dtype.F16 => new ElementwiseKernel<float, TAligned, TBase, F16Element, ExactInSingle>(alpha, width),
        Dtype.F32 => new ElementwiseKernel<float, TAligned, TBase, F32Element, ExactInSingle>(alpha, width),
        Dtype.F64 => new ElementwiseKernel<float, TAligned, TBase, F64AsSingle, ExactInSingle>(alpha, width),
        _ => throw NotArithmetic(output, nameof(output)),
    };

    private static ExpoKernel InDouble(Dtype aligned, Dtype baseDtype, Dtype output, double alpha, VectorWidth width) =>
        aligned switch
        {
            Dtype.BF16 => InDouble<SingleAsDouble<BF16Element>>(baseDtype, output, alpha, width),
            Dtype.F16 => InDouble<SingleAsDouble<F16Element>>(baseDtype, output, alpha, width),
            Dtype.F32 => InDouble<SingleAsDouble<F32Element>>(baseDtype, output, alpha, width),
            Dtype.F64 => InDouble<F64Element>(baseDtype, output, alpha, width),
            _ => throw NotArithmetic(aligned, nameof(aligned)),
        };

    private static ExpoKernel InDouble<TAligned>(Dtype baseDtype, Dtype output, double alpha, VectorWidth width)
        where TAligned : struct, IElementReader<double> => baseDtype switch
    {
        Dtype.BF16 => InDouble<TAligned, SingleAsDouble<BF16Element>>(output, alpha, width),
        Dtype.F16 => InDouble<TAligned, SingleAsDouble<F16Element>>(output, alpha, width),
        Dtype.F32 => InDouble<TAligned, SingleAsDouble<F32Element>>(output, alpha, width),
        Dtype.F64 => InDouble<TAligned, F64Element>(output, alpha, width),
        _ => throw NotArithmetic(baseDtype, nameof(baseDtype)),
    };

    private static ExpoKernel InDouble<TAligned, TBase>(Dtype output, double alpha, VectorWidth width)
        where TAligned : struct, IElementReader<double>
        where TBase : struct, IElementReader<double> => output switch
    {
        Dtype.BF16 => new ElementwiseKernel<double, TAligned, TBase, SingleAsDouble<BF16Element>, ExactInDouble>(alpha, width),
        Dtype.F16 => new ElementwiseKernel<double, TAligned, TBase, SingleAsDouble<F16Element>, ExactInDouble>(alpha, width),
        Dtype.F32 => new ElementwiseKernel<double, TAligned, TBase, SingleAsDouble<F32Element>, ExactInDouble>(alpha, width),
        Dtype.F64 => new ElementwiseKernel<double, TAligned, TBase, F64Element, ExactInDouble>(alpha, width),
        _ => throw NotArithmetic(output, nameof(output)),
    };

    private static ExpoKernel Official(Dtype aligned, Dtype baseDtype, float alpha, VectorWidth width) =>
        aligned switch
        {
            Dtype.BF16 when baseDtype == Dtype.BF16 => new BF16Kernel<OfficialOperator>(alpha, width),
            Dtype.BF16 => Official<BF16Element>(baseDtype, alpha, width),
            Dtype.F16 => Official<CastToBF16<F16Element>>(baseDtype, alpha, width),
            Dtype.F32 => Official<CastToBF16<F32Element>>(baseDtype, alpha, width),
            Dtype.F64 => Official<CastToBF16<F64AsSingle>>(baseDtype, alpha, width),
            _ => throw NotArithmetic(aligned, nameof(aligned)),
        };

    private static ExpoKernel Official<TAligned>(Dtype baseDtype, float alpha, VectorWidth width)
        where TAligned : struct, IElementReader<float> => baseDtype switch
    {
        Dtype.BF16 => new ElementwiseKernel<float, TAligned, BF16Element, BF16Element, OfficialOperator>(alpha, width),
        Dtype.F16 => new ElementwiseKernel<float, TAligned, CastToBF16<F16Element>, BF16Element, OfficialOperator>(alpha, width),
        Dtype.F32 => new ElementwiseKernel<float, TAligned, CastToBF16<F32Element>, BF16Element, OfficialOperator>(alpha, width),
        Dtype.F64 => new ElementwiseKernel<float, TAligned, CastToBF16<F64AsSingle>, BF16Element, OfficialOperator>(alpha, width),
        _ => throw NotArithmetic(baseDtype, nameof(baseDtype)),
    };

    private static ArgumentException NotArithmetic(Dtype dtype, string parameter) =>
        new($"{dtype.Name()} is not a dtype to compute with.", parameter);
}
