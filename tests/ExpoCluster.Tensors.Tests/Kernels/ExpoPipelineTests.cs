using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

public sealed class ExpoPipelineTests
{
    [Theory]
    [InlineData(0.0, 3f)]
    [InlineData(0.5, 4f)]
    [InlineData(-1.0, 1f)]
    [InlineData(25.0, 53f)]
    public void Merged_is_aligned_plus_alpha_times_the_difference_from_base(double alpha, float merged)
    {
        Assert.Equal(merged, Merge(aligned: 3f, baseValue: 1f, alpha));
    }

    [Theory]
    [InlineData(0x0000_0000u, 0x8000_0000u, 0x0000_0000u)]
    [InlineData(0x8000_0000u, 0x0000_0000u, 0x8000_0000u)]
    [InlineData(0x8000_0000u, 0x8000_0000u, 0x0000_0000u)]
    public void Zeros_keep_the_signs_of_IEEE_arithmetic(uint aligned, uint baseValue, uint merged)
    {
        float result = Merge(BitConverter.UInt32BitsToSingle(aligned), BitConverter.UInt32BitsToSingle(baseValue), alpha: 0.3);

        Assert.Equal(merged, BitConverter.SingleToUInt32Bits(result));
    }

    [Fact]
    public void Alpha_is_rounded_to_float32_where_the_computation_is_float32()
    {
        float alpha = (float)0.1;

        Assert.Equal(alpha * 8f, Merge(aligned: 0f, baseValue: -8f, alpha: 0.1));
        Assert.Equal(0.1 * 8.0, MergeDouble(aligned: 0.0, baseValue: -8.0, alpha: 0.1));
        Assert.NotEqual(0.1 * 8.0, alpha * 8f);
    }

    [Fact]
    public void The_multiplication_is_rounded_before_the_addition()
    {
        // With e = 2^-12: the difference is 1 + e and its exact product with alpha 1 + 2e + e², whose last term float32 rounds away.
        const float E = 1f / 4096;
        float aligned = -(1 + (2 * E));
        float baseValue = -(2 + (3 * E));

        Assert.Equal(E * E, MathF.FusedMultiplyAdd(1 + E, aligned - baseValue, aligned));
        foreach (VectorWidth width in Enum.GetValues<VectorWidth>())
        {
            Assert.Equal(0f, Merge(aligned, baseValue, alpha: 1 + E, width));
        }
    }

    [Theory]
    [InlineData(Dtype.F16)]
    [InlineData(Dtype.F32)]
    [InlineData(Dtype.F64)]
    public void Official_numerics_refuse_another_output_than_BF16(Dtype output)
    {
        Assert.Throws<ArgumentException>(() => ExpoPipeline.For(Dtype.BF16, Dtype.BF16, output, Numerics.Official, 0.3));
    }

    [Theory]
    [InlineData(Dtype.F16, 0x3C03, 0x3C04)]
    [InlineData(Dtype.F32, 0x3F80_7FFF, 0x3F80_8001)]
    [InlineData(Dtype.F64, 0x3FF0_0FFF_FFFF_FFFF, 0x3FF0_1000_2000_0000)]
    public void Official_numerics_cast_other_sources_to_BF16_first(Dtype dtype, ulong roundsDown, ulong roundsUp)
    {
        int bytes = dtype.Bits() / 8;
        byte[] aligned = BitConverter.GetBytes(roundsUp)[..bytes];
        byte[] baseValue = BitConverter.GetBytes(roundsDown)[..bytes];

        byte[] output = new byte[2];
        ExpoPipeline.For(dtype, dtype, Dtype.BF16, Numerics.Official, alpha: 1.0).Run(aligned, baseValue, output);

        // F16 has both at a tie or below and so at 1.0; the others cast to 1 + 2^-7 and 1.0, and are extrapolated by a whole unit.
        Assert.Equal(dtype == Dtype.F16 ? 0x3F80 : 0x3F82, BitConverter.ToUInt16(output));
    }

    [Theory]
    [InlineData(Dtype.I64, Dtype.BF16, Dtype.BF16)]
    [InlineData(Dtype.BF16, Dtype.Bool, Dtype.BF16)]
    [InlineData(Dtype.BF16, Dtype.BF16, Dtype.F8E4M3)]
    [InlineData(Dtype.C64, Dtype.F64, Dtype.F64)]
    [InlineData(Dtype.F64, Dtype.C64, Dtype.F64)]
    [InlineData(Dtype.F64, Dtype.F64, Dtype.U8)]
    public void A_dtype_that_is_not_arithmetic_is_refused(Dtype aligned, Dtype baseDtype, Dtype output)
    {
        Assert.Throws<ArgumentException>(() => ExpoPipeline.For(aligned, baseDtype, output, Numerics.Exact, 0.3));
    }

    [Theory]
    [InlineData(Dtype.U8, Dtype.BF16)]
    [InlineData(Dtype.BF16, Dtype.U8)]
    public void Official_numerics_refuse_a_source_that_is_not_arithmetic(Dtype aligned, Dtype baseDtype)
    {
        Assert.Throws<ArgumentException>(() => ExpoPipeline.For(aligned, baseDtype, Dtype.BF16, Numerics.Official, 0.3));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(double.NegativeInfinity)]
    public void An_alpha_that_is_not_finite_is_refused(double alpha)
    {
        Assert.Throws<ArgumentException>(() => ExpoPipeline.For(Dtype.F32, Dtype.F32, Dtype.F32, Numerics.Exact, alpha));
    }

    [Theory]
    [InlineData(7, 8, 8)]
    [InlineData(8, 12, 8)]
    [InlineData(8, 8, 4)]
    [InlineData(8, 8, 7)]
    [InlineData(0, 8, 8)]
    public void Lengths_that_do_not_match_are_refused(int aligned, int baseValues, int output)
    {
        ExpoPipeline kernel = ExpoPipeline.For(Dtype.F32, Dtype.F32, Dtype.F32, Numerics.Exact, 0.3);

        Assert.Throws<ArgumentException>(() => kernel.Run(new byte[aligned], new byte[baseValues], new byte[output]));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(4, 0)]
    [InlineData(0, 4)]
    public void An_output_that_overlaps_an_input_is_refused(int alignedStart, int baseStart)
    {
        ExpoPipeline kernel = ExpoPipeline.For(Dtype.F32, Dtype.F32, Dtype.F32, Numerics.Exact, 0.3);
        byte[] shared = new byte[16];
        byte[] other = new byte[16];

        Assert.Throws<ArgumentException>(() => kernel.Run(shared.AsSpan(alignedStart, 8), other.AsSpan(0, 8), shared.AsSpan(0, 8)));
        Assert.Throws<ArgumentException>(() => kernel.Run(other.AsSpan(0, 8), shared.AsSpan(baseStart, 8), shared.AsSpan(0, 8)));
    }

    [Fact]
    public void The_best_width_is_the_widest_that_this_CPU_accelerates()
    {
        Assert.Equal(Vector512.IsHardwareAccelerated, ExpoKernel.BestWidth == VectorWidth.Bits512);
        Assert.Equal(Vector128.IsHardwareAccelerated, ExpoKernel.BestWidth != VectorWidth.Scalar);
        Assert.True(!Vector256.IsHardwareAccelerated || ExpoKernel.BestWidth >= VectorWidth.Bits256);
    }

    private static float Merge(float aligned, float baseValue, double alpha, VectorWidth? width = null)
    {
        // Enough equal elements for the widest vector, so that the asked width computes the first.
        float[] alignedRun = [.. Enumerable.Repeat(aligned, 16)];
        float[] baseRun = [.. Enumerable.Repeat(baseValue, 16)];
        float[] output = new float[16];
        ExpoPipeline.For(Dtype.F32, Dtype.F32, Dtype.F32, Numerics.Exact, alpha, width).Run(
            MemoryMarshal.AsBytes<float>(alignedRun), MemoryMarshal.AsBytes<float>(baseRun), MemoryMarshal.AsBytes(output.AsSpan()));
        return output[0];
    }

    private static double MergeDouble(double aligned, double baseValue, double alpha)
    {
        byte[] output = new byte[8];
        ExpoPipeline.For(Dtype.F64, Dtype.F64, Dtype.F64, Numerics.Exact, alpha).Run(
            BitConverter.GetBytes(aligned), BitConverter.GetBytes(baseValue), output);
        return BitConverter.ToDouble(output);
    }
}
