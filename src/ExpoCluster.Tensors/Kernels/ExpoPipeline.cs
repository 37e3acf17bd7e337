using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>
/// merged = aligned + alpha · (aligned − base) over runs of elements: sources to decoders to stretches to formula to statistics and
/// encoder. Whatever the dtypes, width and cut, an element has the same bytes.
/// </summary>
/// <remarks>
/// A stretch is a run of elements that stays in the nearest cache. Sources that are stored as they are computed with, as of BF16 models
/// that give a BF16 model, are taken where they lie, a whole run at once. One thread at a time.
/// </remarks>
public sealed class ExpoPipeline
{
    // A block of the statistics, so that their sums are those of one traversal.
    private const int StretchElements = DeltaMeasure.BlockElements;

    private readonly SourceStretch aligned;
    private readonly SourceStretch other;
    private readonly ExpoKernel formula;
    private readonly DeltaMeasure measure;
    private readonly bool measuresStretches;
    private readonly SourceStretch? roundedAtRandom;
    private readonly byte[] results = [];
    private readonly int resultBytes;
    private readonly int outputBytes;
    private readonly bool isDirect;

    private ExpoPipeline(Dtype alignedDtype, Dtype baseDtype, Dtype output, Numerics numerics, double alpha, VectorWidth width)
    {
        bool isAtRandom = numerics == Numerics.Stochastic && output == Dtype.BF16;
        bool isOfficial = numerics == Numerics.Official;
        Dtype computedIn = isOfficial ? Dtype.BF16 : ComputedIn(alignedDtype, baseDtype, output, isAtRandom, alpha);
        aligned = new SourceStretch(alignedDtype, computedIn, StretchElements, width);
        other = new SourceStretch(baseDtype, computedIn, StretchElements, width);
        outputBytes = output.Bits() / 8;
        isDirect = alignedDtype == computedIn && baseDtype == computedIn && !isAtRandom;
        formula = ExpoKernelSelection.Select(computedIn, isAtRandom ? computedIn : output, isOfficial, alpha, width);
        // Of official numerics too it is the stored models that are measured.
        measuresStretches = computedIn == Dtype.F32 && !isDirect;
        measure = measuresStretches
            ? DeltaMeasureSelection.OfStretches(output, alignedFitsOutput: alignedDtype == output)
            : DeltaMeasure.For(alignedDtype, baseDtype, output);
        if (isAtRandom)
        {
            roundedAtRandom = new SourceStretch(computedIn, Dtype.F32, StretchElements, width);
            resultBytes = computedIn.Bits() / 8;
            results = new byte[StretchElements * resultBytes];
        }
    }

    /// <param name="aligned">An arithmetic dtype.</param>
    /// <param name="baseDtype">An arithmetic dtype.</param>
    /// <param name="output">An arithmetic dtype; BF16 when <paramref name="numerics"/> is official, not F16 when it is stochastic.</param>
    /// <param name="numerics">How to round.</param>
    /// <param name="alpha">Any finite number.</param>
    /// <param name="width">The code path; null for <see cref="ExpoKernel.BestWidth"/>.</param>
    /// <exception cref="ArgumentException">
    /// A dtype is not arithmetic, numerics that cannot write this output, or alpha is not finite.
    /// </exception>
    public static ExpoPipeline For(Dtype aligned, Dtype baseDtype, Dtype output, Numerics numerics, double alpha, VectorWidth? width = null)
    {
        if (!BitConverter.IsLittleEndian)
        {
            throw new PlatformNotSupportedException("Weights files are little-endian, so the machine must be as well.");
        }

        if (!double.IsFinite(alpha))
        {
            throw new ArgumentException($"Alpha must be finite, but is {alpha}.", nameof(alpha));
        }

        foreach ((Dtype dtype, string parameter) in new[] { (aligned, nameof(aligned)), (baseDtype, nameof(baseDtype)), (output, nameof(output)) })
        {
            if (!dtype.IsArithmetic())
            {
                throw new ArgumentException($"{dtype.Name()} is not a dtype to compute with.", parameter);
            }
        }

        return numerics switch
        {
            Numerics.Official when output != Dtype.BF16 =>
                throw new ArgumentException($"Official numerics write BF16 only, not {output.Name()}.", nameof(output)),
            Numerics.Stochastic when output == Dtype.F16 =>
                throw new ArgumentException("Stochastic numerics round to BF16 only, not F16.", nameof(output)),
            _ => new ExpoPipeline(aligned, baseDtype, output, numerics, alpha, width ?? ExpoKernel.BestWidth),
        };
    }

    /// <summary>Computes as many elements as <paramref name="output"/> has room for, and measures them.</summary>
    /// <param name="alignedBytes">Equally many elements; no alignment is needed.</param>
    /// <param name="baseBytes">Equally many.</param>
    /// <param name="output">Must not overlap an input.</param>
    /// <param name="at">Of the first element; only stochastic rounding asks for it.</param>
    /// <param name="isMeasured">False for elements that somebody else counts.</param>
    public DeltaSums Run(
        ReadOnlySpan<byte> alignedBytes, ReadOnlySpan<byte> baseBytes, Span<byte> output, ElementPosition at = default, bool isMeasured = true)
    {
        int count = Math.DivRem(output.Length, outputBytes, out int rest);
        if (rest != 0 || alignedBytes.Length != (long)count * aligned.ByteCount || baseBytes.Length != (long)count * other.ByteCount)
        {
            throw new ArgumentException(
                $"{alignedBytes.Length} bytes of aligned, {baseBytes.Length} of base and {output.Length} of output are not equally many elements.");
        }

        if (output.Overlaps(alignedBytes) || output.Overlaps(baseBytes))
        {
            throw new ArgumentException("The output overlaps an input.", nameof(output));
        }

        if (isDirect)
        {
            formula.Run(alignedBytes, baseBytes, output);
        }

        var sums = default(DeltaSums);
        for (int done = 0; done < count && !isDirect;)
        {
            int length = DeltaMeasure.BlockLength(count - done);
            sums += RunStretch(alignedBytes, baseBytes, done, output.Slice(done * outputBytes, length * outputBytes), at, isMeasured);
            done += length;
        }

        return isMeasured && !measuresStretches ? measure.Measure(alignedBytes, baseBytes, output) : sums;
    }

    private DeltaSums RunStretch(
        ReadOnlySpan<byte> alignedBytes, ReadOnlySpan<byte> baseBytes, int first, Span<byte> output, ElementPosition at, bool isMeasured)
    {
        int count = output.Length / outputBytes;
        ReadOnlySpan<byte> decodedAligned = aligned.Decode(alignedBytes, first, count);
        ReadOnlySpan<byte> decodedBase = other.Decode(baseBytes, first, count);
        if (roundedAtRandom is null)
        {
            formula.Run(decodedAligned, decodedBase, output);
        }
        else
        {
            Span<byte> computed = results.AsSpan(0, count * resultBytes);
            formula.Run(decodedAligned, decodedBase, computed);
            ReadOnlySpan<float> singles = MemoryMarshal.Cast<byte, float>(roundedAtRandom.Decode(computed, 0, count));
            StochasticRounding.ToBF16(singles, output, at with { FirstElement = at.FirstElement + first });
        }

        return isMeasured && measuresStretches ? measure.Measure(decodedAligned, decodedBase, output) : default;
    }

    // In float64 if an input is F64. BF16 and F16 have kernels of their own where all three are the same.
    private static Dtype ComputedIn(Dtype aligned, Dtype baseDtype, Dtype output, bool isAtRandom, double alpha)
    {
        bool isAllTheSame = !isAtRandom && aligned == baseDtype && aligned == output;
        return aligned == Dtype.F64 || baseDtype == Dtype.F64 ? Dtype.F64
            : isAllTheSame && (aligned == Dtype.BF16 || (aligned == Dtype.F16 && Math.Abs((float)alpha) < F16Kernel.AlphaLimit)) ? aligned
            : Dtype.F32;
    }
}
