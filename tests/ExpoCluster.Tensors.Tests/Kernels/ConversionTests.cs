using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>Widening and narrowing, seen through kernels whose formula is aligned alone.</summary>
public sealed class ConversionTests
{
    [Theory]
    [InlineData(VectorWidth.Scalar)]
    [InlineData(VectorWidth.Bits128)]
    [InlineData(VectorWidth.Bits256)]
    [InlineData(VectorWidth.Bits512)]
    public void All_65536_F16_values_widen_exactly(VectorWidth width)
    {
        ushort[] every = [.. Enumerable.Range(0, 65_536).Select(bits => (ushort)bits)];

        float[] widened = ThroughSingle<ushort, float, F16Element, F32Element>(every, width);

        for (int bits = 0; bits < widened.Length; bits++)
        {
            AssertSame((float)BitConverter.UInt16BitsToHalf((ushort)bits), widened[bits], $"{bits:X4}");
        }
    }

    [Theory]
    [InlineData(VectorWidth.Scalar)]
    [InlineData(VectorWidth.Bits128)]
    [InlineData(VectorWidth.Bits256)]
    [InlineData(VectorWidth.Bits512)]
    public void All_65536_BF16_values_widen_exactly(VectorWidth width)
    {
        ushort[] every = [.. Enumerable.Range(0, 65_536).Select(bits => (ushort)bits)];

        float[] widened = ThroughSingle<ushort, float, BF16Element, F32Element>(every, width);

        for (int bits = 0; bits < widened.Length; bits++)
        {
            AssertSame(BitConverter.UInt32BitsToSingle((uint)bits << 16), widened[bits], $"{bits:X4}");
        }
    }

    [Theory]
    [InlineData(VectorWidth.Scalar)]
    [InlineData(VectorWidth.Bits128)]
    [InlineData(VectorWidth.Bits256)]
    [InlineData(VectorWidth.Bits512)]
    public void F32_narrows_to_F16_as_System_Half_does(VectorWidth width)
    {
        uint[] patterns = Patterns();

        ushort[] narrowed = ThroughSingle<uint, ushort, F32Element, F16Element>(patterns, width);

        for (int i = 0; i < patterns.Length; i++)
        {
            Half expected = (Half)BitConverter.UInt32BitsToSingle(patterns[i]);
            ushort bits = Half.IsNaN(expected) ? (ushort)0x7E00 : BitConverter.HalfToUInt16Bits(expected);
            Assert.True(bits == narrowed[i], $"{patterns[i]:X8}: expected {bits:X4}, got {narrowed[i]:X4}");
        }
    }

    [Theory]
    [InlineData(VectorWidth.Scalar)]
    [InlineData(VectorWidth.Bits128)]
    [InlineData(VectorWidth.Bits256)]
    [InlineData(VectorWidth.Bits512)]
    public void F32_narrows_to_BF16_to_nearest_even(VectorWidth width)
    {
        uint[] patterns = Patterns();

        ushort[] narrowed = ThroughSingle<uint, ushort, F32Element, BF16Element>(patterns, width);

        for (int i = 0; i < patterns.Length; i++)
        {
            ushort bits = ReferenceMerge.NearestBF16(BitConverter.UInt32BitsToSingle(patterns[i]));
            Assert.True(bits == narrowed[i], $"{patterns[i]:X8}: expected {bits:X4}, got {narrowed[i]:X4}");
        }
    }

    [Theory]
    [InlineData(0x4049_0FDBu, 0x4248)] // pi
    [InlineData(0x477F_E000u, 0x7BFF)] // 65504, the largest
    [InlineData(0x477F_EFFFu, 0x7BFF)] // just under 65520
    [InlineData(0x477F_F000u, 0x7C00)] // 65520 is a tie with what would be 65536
    [InlineData(0xC77F_F000u, 0xFC00)]
    [InlineData(0x7F7F_FFFFu, 0x7C00)] // the largest float32
    [InlineData(0x3880_0000u, 0x0400)] // 2^-14, the smallest normal
    [InlineData(0x387F_F000u, 0x0400)] // a tie between it and the largest subnormal
    [InlineData(0x387F_C000u, 0x03FF)] // the largest subnormal
    [InlineData(0x3380_0000u, 0x0001)] // 2^-24, the smallest
    [InlineData(0x3300_0000u, 0x0000)] // half of it: a tie, to even
    [InlineData(0x3300_0001u, 0x0001)]
    [InlineData(0xB300_0001u, 0x8001)]
    [InlineData(0x33C0_0000u, 0x0002)] // one and a half: a tie, to even
    [InlineData(0x0000_0001u, 0x0000)]
    [InlineData(0x8000_0001u, 0x8000)]
    [InlineData(0x3F80_1000u, 0x3C00)] // a tie above 1, to even
    [InlineData(0x3F80_3000u, 0x3C02)]
    [InlineData(0x3F80_1001u, 0x3C01)]
    public void F16_rounds_at_its_edges_as_IEEE_says(uint value, ushort half)
    {
        foreach (VectorWidth width in Enum.GetValues<VectorWidth>())
        {
            Assert.Equal(half, ThroughSingle<uint, ushort, F32Element, F16Element>([.. Enumerable.Repeat(value, 16)], width)[0]);
        }
    }

    [Theory]
    [InlineData(0x3F80_8000u, 0x3F80)] // a tie, to even
    [InlineData(0x3F81_8000u, 0x3F82)]
    [InlineData(0x3F80_8001u, 0x3F81)]
    [InlineData(0x7F7F_7FFFu, 0x7F7F)] // the largest
    [InlineData(0x7F7F_8000u, 0x7F80)] // overflows to infinity
    [InlineData(0xFF7F_FFFFu, 0xFF80)]
    [InlineData(0x0000_8000u, 0x0000)]
    [InlineData(0x0000_8001u, 0x0001)]
    [InlineData(0x8001_8000u, 0x8002)]
    public void BF16_rounds_at_its_edges_to_nearest_even(uint value, ushort bfloat)
    {
        foreach (VectorWidth width in Enum.GetValues<VectorWidth>())
        {
            Assert.Equal(bfloat, ThroughSingle<uint, ushort, F32Element, BF16Element>([.. Enumerable.Repeat(value, 16)], width)[0]);
        }
    }

    [Fact]
    public void F64_narrows_to_two_bytes_through_float32_as_PyTorch_does()
    {
        // Both are a little above a tie and would round up at once; in float32 they are the tie, and go to even.
        ulong[] aboveBF16Tie = [.. Enumerable.Repeat(0x3FF0_1000_0000_0001UL, 16)];
        ulong[] aboveF16Tie = [.. Enumerable.Repeat(0x3FF0_0200_0000_0001UL, 16)];

        foreach (VectorWidth width in Enum.GetValues<VectorWidth>())
        {
            Assert.Equal(0x3F80, FromDouble<BF16Element>(aboveBF16Tie, width)[0]);
            Assert.Equal(0x3C00, FromDouble<F16Element>(aboveF16Tie, width)[0]);
        }
    }

    /// <summary>Upper halves with all lower halves that decide a rounding, and random bits.</summary>
    private static uint[] Patterns()
    {
        uint[] lowerHalves = [0, 1, 0x0FFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x3000, 0x7FFF, 0x8000, 0x8001, 0x9000, 0xF000, 0xFFFF];
        var random = new Random(1404);
        return
        [
            .. from upper in Enumerable.Range(0, 65_536) from lower in lowerHalves select ((uint)upper << 16) | lower,
            .. Enumerable.Range(0, 500_000).Select(_ => (uint)random.NextInt64(1L << 32)),
        ];
    }

    private static TTo[] ThroughSingle<TFrom, TTo, TReader, TWriter>(TFrom[] values, VectorWidth width)
        where TFrom : unmanaged
        where TTo : unmanaged
        where TReader : struct, IElementReader<float>
        where TWriter : struct, IElementWriter<float> =>
        Run<TFrom, TTo>(values, new ElementwiseKernel<float, TReader, TReader, TWriter, AlignedOperator<float>>(alpha: 0, width));

    private static ushort[] FromDouble<TWriter>(ulong[] values, VectorWidth width)
        where TWriter : struct, IElementReader<float>, IElementWriter<float> =>
        Run<ulong, ushort>(
            values, new ElementwiseKernel<double, F64Element, F64Element, SingleAsDouble<TWriter>, AlignedOperator<double>>(alpha: 0, width));

    private static TTo[] Run<TFrom, TTo>(TFrom[] values, ExpoKernel kernel)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        TTo[] output = new TTo[values.Length];
        ReadOnlySpan<byte> input = MemoryMarshal.AsBytes<TFrom>(values);
        kernel.Run(input, input, MemoryMarshal.AsBytes(output.AsSpan()));
        return output;
    }

    private static void AssertSame(float expected, float actual, string what)
    {
        bool same = BitConverter.SingleToUInt32Bits(expected) == BitConverter.SingleToUInt32Bits(actual)
            || (float.IsNaN(expected) && float.IsNaN(actual));
        Assert.True(same, $"{what}: expected {expected:R}, got {actual:R}");
    }
}
