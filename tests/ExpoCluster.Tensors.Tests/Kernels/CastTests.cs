using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

public sealed class CastTests
{
    private static readonly float[] Values =
    [
        0f, -0f, 1f, -1.5f, float.PositiveInfinity, float.NegativeInfinity, 65504f, 1e-7f, 3.0078125f, 3.01f, -2.9999f, 0.1f, 1e30f, -1e-40f, 255f, 1000.5f, 7f,
    ];

    public static TheoryData<VectorWidth> Widths =>
        [VectorWidth.Scalar, VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Values_are_rounded_once_and_otherwise_left_alone(VectorWidth width)
    {
        ReadOnlySpan<byte> source = MemoryMarshal.AsBytes(Values.AsSpan());

        Assert.Equal(Values, MemoryMarshal.Cast<byte, float>(Cast(source, Dtype.F32, Dtype.F32, width)).ToArray());
        Assert.Equal(
            Values.Select(value => BitConverter.HalfToUInt16Bits((Half)value)),
            MemoryMarshal.Cast<byte, ushort>(Cast(source, Dtype.F32, Dtype.F16, width)).ToArray());
        Assert.Equal(Values.Select(ToBF16), MemoryMarshal.Cast<byte, ushort>(Cast(source, Dtype.F32, Dtype.BF16, width)).ToArray());
        Assert.Equal(
            Values.Select(value => BitConverter.DoubleToUInt64Bits(value)),
            MemoryMarshal.Cast<byte, ulong>(Cast(source, Dtype.F32, Dtype.F64, width)).ToArray());
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void What_is_widened_and_narrowed_again_is_the_same(VectorWidth width)
    {
        foreach (Dtype narrow in new[] { Dtype.BF16, Dtype.F16, Dtype.F32 })
        {
            byte[] source = Cast(MemoryMarshal.AsBytes(Values.AsSpan()), Dtype.F32, narrow, VectorWidth.Scalar);

            byte[] wide = Cast(source, narrow, Dtype.F64, width);

            Assert.Equal(source, Cast(wide, Dtype.F64, narrow, width));
        }
    }

    [Theory]
    [InlineData(Dtype.I32, Dtype.F32)]
    [InlineData(Dtype.F32, Dtype.U8)]
    public void Only_dtypes_to_compute_with_are_cast(Dtype from, Dtype to) =>
        Assert.Throws<ArgumentException>(() => ElementCast.For(from, to));

    private static byte[] Cast(ReadOnlySpan<byte> source, Dtype from, Dtype to, VectorWidth width)
    {
        byte[] output = new byte[source.Length / (from.Bits() / 8) * (to.Bits() / 8)];
        ElementCast.For(from, to, width).Run(source, output);
        return output;
    }

    private static ushort ToBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
