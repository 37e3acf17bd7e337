using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>Takes elements from one dtype to another, rounded once as PyTorch does; every NaN becomes the canonical quiet one.</summary>
public abstract class ElementCast
{
    /// <param name="from">An arithmetic dtype.</param>
    /// <param name="to">An arithmetic dtype.</param>
    /// <param name="width">The code path; null for <see cref="ExpoKernel.BestWidth"/>.</param>
    /// <exception cref="ArgumentException">A dtype is not arithmetic.</exception>
    public static ElementCast For(Dtype from, Dtype to, VectorWidth? width = null) => Select(from, to, width ?? ExpoKernel.BestWidth);

    /// <summary>Casts as many elements as <paramref name="output"/> has room for.</summary>
    /// <param name="elements">Equally many; no alignment is needed.</param>
    /// <param name="output">Must not overlap them.</param>
    public abstract void Run(ReadOnlySpan<byte> elements, Span<byte> output);

    private static ElementCast Select(Dtype from, Dtype to, VectorWidth width) => from switch
    {
        Dtype.BF16 => FromSingle<BF16Element>(to, width),
        Dtype.F16 => FromSingle<F16Element>(to, width),
        Dtype.F32 => FromSingle<F32Element>(to, width),
        Dtype.F64 => FromDouble(to, width),
        _ => throw NotArithmetic(from, nameof(from)),
    };

    private static ElementCast FromSingle<TElement>(Dtype to, VectorWidth width)
        where TElement : struct, IElementReader<float> => to switch
    {
        Dtype.BF16 => new Of<float, TElement, BF16Element>(width),
        Dtype.F16 => new Of<float, TElement, F16Element>(width),
        Dtype.F32 => new Of<float, TElement, F32Element>(width),
        Dtype.F64 => new Of<float, TElement, F64AsSingle>(width),
        _ => throw NotArithmetic(to, nameof(to)),
    };

    private static ElementCast FromDouble(Dtype to, VectorWidth width) => to switch
    {
        Dtype.BF16 => new Of<double, F64Element, SingleAsDouble<BF16Element>>(width),
        Dtype.F16 => new Of<double, F64Element, SingleAsDouble<F16Element>>(width),
        Dtype.F32 => new Of<double, F64Element, SingleAsDouble<F32Element>>(width),
        Dtype.F64 => new Of<double, F64Element, F64Element>(width),
        _ => throw NotArithmetic(to, nameof(to)),
    };

    private static ArgumentException NotArithmetic(Dtype dtype, string parameter) =>
        new($"{dtype.Name()} is not a dtype to compute with.", parameter);

    // A kernel whose formula leaves the first source as it is.
    private sealed class Of<T, TFrom, TTo>(VectorWidth width) : ElementCast
        where T : struct
        where TFrom : struct, IElementReader<T>
        where TTo : struct, IElementWriter<T>
    {
        private readonly ElementwiseKernel<T, TFrom, TFrom, TTo, AlignedOperator<T>> kernel = new(default, width);

        public override void Run(ReadOnlySpan<byte> elements, Span<byte> output) => kernel.Run(elements, elements, output);
    }
}
