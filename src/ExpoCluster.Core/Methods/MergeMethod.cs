using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Core.Methods;

/// <summary>A named way of computing a tensor from those of the models.</summary>
public abstract class MergeMethod
{
    /// <summary>As recipes and plans have it.</summary>
    public abstract string Name { get; }

    /// <summary>Of this method's arithmetic alone: another version would write other bytes.</summary>
    public abstract int NumericsVersion { get; }
}

/// <summary>aligned + alpha · (aligned − base), arXiv 2404.16792.</summary>
public sealed class ExpoMethod : MergeMethod
{
    /// <summary>Of each tensor: aligned's and base's.</summary>
    public const int Sources = 2;

    public override string Name => "expo";

    public override int NumericsVersion => ExpoKernel.NumericsVersion;

    /// <summary>The parameters of a tensor that is extrapolated so far.</summary>
    public static ParameterSet With(double alpha) => new(alpha);

    /// <summary>How far a tensor is extrapolated; 0 for one that is not computed.</summary>
    public static double AlphaOf(ParameterSet? parameters) => parameters is null ? 0 : parameters.Global[0];
}
