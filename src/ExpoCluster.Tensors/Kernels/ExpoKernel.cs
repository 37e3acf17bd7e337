using System.Runtime.Intrinsics;

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

/// <summary>merged = aligned + alpha · (aligned − base) over elements that are stored as they are computed with.</summary>
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

    /// <summary>Computes as many elements as <paramref name="output"/> has room for. The lengths of all three must be that
    /// number times the bytes of their dtypes; no alignment is needed; output must not overlap an input.</summary>
    public abstract void Run(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, Span<byte> output);
}
