using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Turns dtypes known at run time into the generic measure that the JIT compiles for them.</summary>
internal static class DeltaMeasureSelection
{
    public static DeltaMeasure Select(Dtype aligned, Dtype baseDtype, Dtype output) =>
        aligned == Dtype.F64 || baseDtype == Dtype.F64 ? Wide(aligned, baseDtype, output) : Single(aligned, baseDtype, output);

    private static DeltaMeasure Single(Dtype aligned, Dtype baseDtype, Dtype output) => aligned switch
    {
        Dtype.BF16 => Single<BF16Element>(baseDtype, output),
        Dtype.F16 => Single<F16Element>(baseDtype, output),
        Dtype.F32 => Single<F32Element>(baseDtype, output),
        _ => throw NotArithmetic(aligned, nameof(aligned)),
    };

    private static DeltaMeasure Single<TAligned>(Dtype baseDtype, Dtype output)
        where TAligned : struct, IElementReader<float>, IElementWriter<float> => baseDtype switch
    {
        Dtype.BF16 => Single<TAligned, BF16Element>(output),
        Dtype.F16 => Single<TAligned, F16Element>(output),
        Dtype.F32 => Single<TAligned, F32Element>(output),
        _ => throw NotArithmetic(baseDtype, nameof(baseDtype)),
    };

    private static DeltaMeasure Single<TAligned, TBase>(Dtype output)
        where TAligned : struct, IElementReader<float>, IElementWriter<float>
        where TBase : struct, IElementReader<float>, IElementWriter<float> => output switch
    {
        Dtype.BF16 => new SingleDeltaMeasure<TAligned, TBase, BF16Element>(),
        Dtype.F16 => new SingleDeltaMeasure<TAligned, TBase, F16Element>(),
        Dtype.F32 => new SingleDeltaMeasure<TAligned, TBase, F32Element>(),
        Dtype.F64 => new SingleDeltaMeasure<TAligned, TBase, F64AsSingle>(),
        _ => throw NotArithmetic(output, nameof(output)),
    };

    private static DeltaMeasure Wide(Dtype aligned, Dtype baseDtype, Dtype output) => aligned switch
    {
        Dtype.BF16 => Wide<SingleAsDouble<BF16Element>>(baseDtype, output),
        Dtype.F16 => Wide<SingleAsDouble<F16Element>>(baseDtype, output),
        Dtype.F32 => Wide<SingleAsDouble<F32Element>>(baseDtype, output),
        Dtype.F64 => Wide<F64Element>(baseDtype, output),
        _ => throw NotArithmetic(aligned, nameof(aligned)),
    };

    private static DeltaMeasure Wide<TAligned>(Dtype baseDtype, Dtype output)
        where TAligned : struct, IElementReader<double> => baseDtype switch
    {
        Dtype.BF16 => Wide<TAligned, SingleAsDouble<BF16Element>>(output),
        Dtype.F16 => Wide<TAligned, SingleAsDouble<F16Element>>(output),
        Dtype.F32 => Wide<TAligned, SingleAsDouble<F32Element>>(output),
        Dtype.F64 => Wide<TAligned, F64Element>(output),
        _ => throw NotArithmetic(baseDtype, nameof(baseDtype)),
    };

    private static DeltaMeasure Wide<TAligned, TBase>(Dtype output)
        where TAligned : struct, IElementReader<double>
        where TBase : struct, IElementReader<double> => output switch
    {
        Dtype.BF16 => new WideDeltaMeasure<TAligned, TBase, SingleAsDouble<BF16Element>>(),
        Dtype.F16 => new WideDeltaMeasure<TAligned, TBase, SingleAsDouble<F16Element>>(),
        Dtype.F32 => new WideDeltaMeasure<TAligned, TBase, SingleAsDouble<F32Element>>(),
        Dtype.F64 => new WideDeltaMeasure<TAligned, TBase, F64Element>(),
        _ => throw NotArithmetic(output, nameof(output)),
    };

    private static ArgumentException NotArithmetic(Dtype dtype, string parameter) =>
        new($"{dtype.Name()} is not a dtype to compute with.", parameter);
}
