using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels.Elements;
using AlignedInDouble = ExpoCluster.Tensors.Kernels.AlignedOperator<double>;
using AlignedInSingle = ExpoCluster.Tensors.Kernels.AlignedOperator<float>;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>Turns dtypes known at run time into the generic kernel that casts one to the other, as PyTorch does.</summary>
internal static class CastKernelSelection
{
    public static ExpoKernel Select(Dtype aligned, Dtype output, VectorWidth width) => aligned switch
    {
        Dtype.BF16 => FromSingle<BF16Element>(output, width),
        Dtype.F16 => FromSingle<F16Element>(output, width),
        Dtype.F32 => FromSingle<F32Element>(output, width),
        Dtype.F64 => FromDouble(output, width),
        _ => throw NotArithmetic(aligned, nameof(aligned)),
    };

    private static ExpoKernel FromSingle<TAligned>(Dtype output, VectorWidth width)
        where TAligned : struct, IElementReader<float> => output switch
    {
        Dtype.BF16 => new ElementwiseKernel<float, TAligned, TAligned, BF16Element, AlignedInSingle>(0, width),
        Dtype.F16 => new ElementwiseKernel<float, TAligned, TAligned, F16Element, AlignedInSingle>(0, width),
        Dtype.F32 => new ElementwiseKernel<float, TAligned, TAligned, F32Element, AlignedInSingle>(0, width),
        Dtype.F64 => new ElementwiseKernel<float, TAligned, TAligned, F64AsSingle, AlignedInSingle>(0, width),
        _ => throw NotArithmetic(output, nameof(output)),
    };

    private static ExpoKernel FromDouble(Dtype output, VectorWidth width) => output switch
    {
        Dtype.BF16 => new ElementwiseKernel<double, F64Element, F64Element, SingleAsDouble<BF16Element>, AlignedInDouble>(0, width),
        Dtype.F16 => new ElementwiseKernel<double, F64Element, F64Element, SingleAsDouble<F16Element>, AlignedInDouble>(0, width),
        Dtype.F32 => new ElementwiseKernel<double, F64Element, F64Element, SingleAsDouble<F32Element>, AlignedInDouble>(0, width),
        Dtype.F64 => new ElementwiseKernel<double, F64Element, F64Element, F64Element, AlignedInDouble>(0, width),
        _ => throw NotArithmetic(output, nameof(output)),
    };

    private static ArgumentException NotArithmetic(Dtype dtype, string parameter) =>
        new($"{dtype.Name()} is not a dtype to compute with.", parameter);
}
