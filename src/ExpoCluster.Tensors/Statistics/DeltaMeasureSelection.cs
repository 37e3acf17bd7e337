using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>The measure for dtypes that are known at run time: one of its own where all three are BF16 or F16, stretches for all others.</summary>
internal static class DeltaMeasureSelection
{
    public static DeltaMeasure Select(Dtype aligned, Dtype baseDtype, Dtype output)
    {
        Demand(aligned, nameof(aligned));
        Demand(baseDtype, nameof(baseDtype));
        Demand(output, nameof(output));
        if (aligned == Dtype.F64 || baseDtype == Dtype.F64)
        {
            return Wide(aligned, baseDtype, output);
        }

        return (aligned, baseDtype, output) switch
        {
            (Dtype.BF16, Dtype.BF16, Dtype.BF16) => new SingleDeltaMeasure<BF16Element, BF16Element, BF16Element>(),
            (Dtype.F16, Dtype.F16, Dtype.F16) => new SingleDeltaMeasure<F16Element, F16Element, F16Element>(),
            (Dtype.F32, Dtype.F32, _) => OfStretches(output, alignedFitsOutput: false),
            _ => new StretchDeltaMeasure(aligned, baseDtype, output, OfStretches(output, alignedFitsOutput: aligned == output)),
        };
    }

    /// <summary>The measure of sources that are decoded to float32.</summary>
    /// <param name="output">As written.</param>
    /// <param name="alignedFitsOutput">Aligned's values are all numbers of the output's dtype.</param>
    public static DeltaMeasure OfStretches(Dtype output, bool alignedFitsOutput) => output switch
    {
        Dtype.BF16 => new SingleDeltaMeasure<F32Element, F32Element, BF16Element>(alignedFitsOutput),
        Dtype.F16 => new SingleDeltaMeasure<F32Element, F32Element, F16Element>(alignedFitsOutput),
        Dtype.F32 => new SingleDeltaMeasure<F32Element, F32Element, F32Element>(),
        _ => new SingleDeltaMeasure<F32Element, F32Element, F64AsSingle>(alignedFitsOutput: true),
    };

    private static DeltaMeasure Wide(Dtype aligned, Dtype baseDtype, Dtype output) => output switch
    {
        Dtype.BF16 => new WideDeltaMeasure<F64Element, F64Element, SingleAsDouble<BF16Element>>(aligned, baseDtype),
        Dtype.F16 => new WideDeltaMeasure<F64Element, F64Element, SingleAsDouble<F16Element>>(aligned, baseDtype),
        Dtype.F32 => new WideDeltaMeasure<F64Element, F64Element, SingleAsDouble<F32Element>>(aligned, baseDtype),
        _ => new WideDeltaMeasure<F64Element, F64Element, F64Element>(aligned, baseDtype),
    };

    private static void Demand(Dtype dtype, string parameter)
    {
        if (!dtype.IsArithmetic())
        {
            throw new ArgumentException($"{dtype.Name()} is not a dtype to compute with.", parameter);
        }
    }
}
