using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>How an element is rounded on its way (docs/formats.md, Numerics).</summary>
public enum Numerics
{
    /// <summary>
    /// Three operations in float32 (float64 if an input is F64), each rounded, then one rounding to the output dtype.
    /// </summary>
    Exact,

    /// <summary>Every operation rounded to BF16, as the paper's script does; the output is BF16.</summary>
    Official,

    /// <summary>As exact, but rounded to BF16 at random, so that small updates survive on average. F32 and F64 outputs are exact.</summary>
    Stochastic,
}

/// <summary>The code path of a kernel. All give the same bytes.</summary>
public enum VectorWidth
{
    Scalar = 0,
    Bits128 = 128,
    Bits256 = 256,
    Bits512 = 512,
}

/// <summary>merged = aligned + alpha · (aligned − base) over runs of elements.</summary>
public abstract class ExpoKernel
{
    /// <summary>Changes whenever a kernel would write other bytes than before for the same input.</summary>
    public const int NumericsVersion = 1;

    /// <summary>The widest that the running CPU accelerates.</summary>
    public static VectorWidth BestWidth =>
        Vector512.IsHardwareAccelerated ? VectorWidth.Bits512
        : Vector256.IsHardwareAccelerated ? VectorWidth.Bits256
        : Vector128.IsHardwareAccelerated ? VectorWidth.Bits128
        : VectorWidth.Scalar;

    /// <param name="aligned">An arithmetic dtype.</param>
    /// <param name="baseDtype">An arithmetic dtype.</param>
    /// <param name="output">An arithmetic dtype; BF16 when <paramref name="numerics"/> is official, not F16 when it is stochastic.</param>
    /// <param name="numerics">How to round.</param>
    /// <param name="alpha">Any finite number.</param>
    /// <param name="width">The code path; null for <see cref="BestWidth"/>.</param>
    /// <exception cref="ArgumentException">
    /// A dtype is not arithmetic, numerics that cannot write this output, or alpha is not finite.
    /// </exception>
    public static ExpoKernel For(
        Dtype aligned, Dtype baseDtype, Dtype output, Numerics numerics, double alpha, VectorWidth? width = null)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Weights files are little-endian, so the machine must be as well.");
        }

        if (!double.IsFinite(alpha))
        {
            throw new ArgumentException($"Alpha must be finite, but is {alpha}.", nameof(alpha));
        }

        return ExpoKernelSelection.Select(aligned, baseDtype, output, numerics, alpha, width ?? BestWidth);
    }

    /// <summary>A kernel that takes aligned's elements as they are and only rounds them to the output's dtype; it needs aligned's bytes
    /// in the place of base's as well.</summary>
    /// <param name="aligned">An arithmetic dtype.</param>
    /// <param name="output">An arithmetic dtype.</param>
    /// <param name="width">The code path; null for <see cref="BestWidth"/>.</param>
    /// <exception cref="ArgumentException">A dtype is not arithmetic.</exception>
    public static ExpoKernel ForCast(Dtype aligned, Dtype output, VectorWidth? width = null) =>
        CastKernelSelection.Select(aligned, output, width ?? BestWidth);

    /// <summary>Computes as many elements as <paramref name="output"/> has room for. The lengths of all three must be that
    /// number times the bytes of their dtypes; no alignment is needed; output must not overlap an input.</summary>
    public abstract void Run(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, Span<byte> output, ElementPosition at);

    /// <summary>The same at the beginning of a tensor, for numerics that do not depend on the position.</summary>
    public void Run(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, Span<byte> output) =>
        Run(aligned, baseValues, output, default);
}
