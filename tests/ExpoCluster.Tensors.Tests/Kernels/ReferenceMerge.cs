using System.Buffers.Binary;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>The formulas of docs/formats.md once more, element by element and with the conversions of .NET.</summary>
internal static class ReferenceMerge
{
    public static byte[] Compute(
        ReadOnlySpan<byte> aligned,
        Dtype alignedDtype,
        ReadOnlySpan<byte> baseValues,
        Dtype baseDtype,
        Dtype output,
        Numerics numerics,
        double alpha)
    {
        int alignedBytes = alignedDtype.Bits() / 8;
        int baseBytes = baseDtype.Bits() / 8;
        int outputBytes = output.Bits() / 8;
        byte[] merged = new byte[aligned.Length / alignedBytes * outputBytes];
        bool inDouble = alignedDtype == Dtype.F64 || baseDtype == Dtype.F64;
        for (int i = 0; i * alignedBytes < aligned.Length; i++)
        {
            double a = Read(aligned[(i * alignedBytes)..], alignedDtype);
            double b = Read(baseValues[(i * baseBytes)..], baseDtype);
            double value =
                numerics == Numerics.Official ? Official((float)a, (float)b, (float)alpha)
                : inDouble ? a + (alpha * (a - b))
                : Exact((float)a, (float)b, (float)alpha);
            Write(merged.AsSpan(i * outputBytes), output, value);
        }

        return merged;
    }

    /// <summary>Of the two BF16 neighbours the nearer one, the even one at a tie; 7FC0 for NaN.</summary>
    public static ushort NearestBF16(float value)
    {
        if (float.IsNaN(value))
        {
            return 0x7FC0;
        }

        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint lower = bits >> 16;
        uint rest = bits & 0xFFFF;
        bool up = rest > 0x8000 || (rest == 0x8000 && lower % 2 == 1);
        return (ushort)(up ? lower + 1 : lower);
    }

    private static float Exact(float a, float b, float alpha)
    {
        float difference = a - b;
        float product = alpha * difference;
        return a + product;
    }

    private static float Official(float a, float b, float alpha)
    {
        a = RoundToBF16(a);
        b = RoundToBF16(b);
        float difference = RoundToBF16(a - b);
        float product = RoundToBF16(alpha * difference);
        return a + product;
    }

    private static float RoundToBF16(float value) => BitConverter.UInt32BitsToSingle((uint)NearestBF16(value) << 16);

    private static double Read(ReadOnlySpan<byte> element, Dtype dtype) => dtype switch
    {
        Dtype.BF16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(element) << 16),
        Dtype.F16 => (double)BinaryPrimitives.ReadHalfLittleEndian(element),
        Dtype.F32 => BinaryPrimitives.ReadSingleLittleEndian(element),
        _ => BinaryPrimitives.ReadDoubleLittleEndian(element),
    };

    private static void Write(Span<byte> element, Dtype dtype, double value)
    {
        switch (dtype)
        {
            case Dtype.BF16:
                BinaryPrimitives.WriteUInt16LittleEndian(element, NearestBF16((float)value));
                break;
            case Dtype.F16:
                ushort half = BitConverter.HalfToUInt16Bits((Half)(float)value);
                BinaryPrimitives.WriteUInt16LittleEndian(element, double.IsNaN(value) ? (ushort)0x7E00 : half);
                break;
            case Dtype.F32:
                uint single = BitConverter.SingleToUInt32Bits((float)value);
                BinaryPrimitives.WriteUInt32LittleEndian(element, double.IsNaN(value) ? 0x7FC0_0000 : single);
                break;
            default:
                ulong bits = BitConverter.DoubleToUInt64Bits(value);
                BinaryPrimitives.WriteUInt64LittleEndian(element, double.IsNaN(value) ? 0x7FF8_0000_0000_0000 : bits);
                break;
        }
    }
}
