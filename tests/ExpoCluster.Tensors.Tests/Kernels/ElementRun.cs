using System.Buffers.Binary;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>
/// Inputs of any dtypes: special values against special values, neighbours a few units apart, typical weights and random bits,
/// in memory that starts at an odd address.
/// </summary>
internal sealed class ElementRun
{
    private const int Misalignment = 1;

    private readonly byte[] aligned;
    private readonly byte[] baseValues;
    private readonly int alignedBytes;
    private readonly int baseBytes;
    private readonly int outputBytes;

    public ElementRun(Dtype alignedDtype, Dtype baseDtype, Dtype output, int count)
    {
        alignedBytes = alignedDtype.Bits() / 8;
        baseBytes = baseDtype.Bits() / 8;
        outputBytes = output.Bits() / 8;
        aligned = new byte[Misalignment + (count * alignedBytes)];
        baseValues = new byte[Misalignment + (count * baseBytes)];
        var random = new Random(20_240_416);
        for (int i = 0; i < count; i++)
        {
            Fill(aligned.AsSpan(Misalignment + (i * alignedBytes), alignedBytes), alignedDtype, i, i / 4, random);
            Fill(baseValues.AsSpan(Misalignment + (i * baseBytes), baseBytes), baseDtype, i, (i / 4) + (3 * (i / 112)), random);
        }
    }

    public ReadOnlySpan<byte> Aligned(int first, int count) =>
        aligned.AsSpan(Misalignment + (first * alignedBytes), count * alignedBytes);

    public ReadOnlySpan<byte> Base(int first, int count) =>
        baseValues.AsSpan(Misalignment + (first * baseBytes), count * baseBytes);

    public byte[] Compute(ExpoPipeline kernel, int first, int count)
    {
        byte[] output = new byte[Misalignment + (count * outputBytes)];
        kernel.Run(Aligned(first, count), Base(first, count), output.AsSpan(Misalignment));
        return output[Misalignment..];
    }

    private static void Fill(Span<byte> element, Dtype dtype, int i, int special, Random random)
    {
        switch (i % 4)
        {
            case 0:
                Special(element, dtype, special);
                break;
            case 1:
                random.NextBytes(element);
                break;
            default:
                Write(element, dtype, (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-30, 20)));
                break;
        }
    }

    private static void Special(Span<byte> element, Dtype dtype, int index)
    {
        (int bits, int fraction) = dtype switch
        {
            Dtype.BF16 => (16, 7),
            Dtype.F16 => (16, 10),
            Dtype.F32 => (32, 23),
            _ => (64, 52),
        };
        ulong sign = 1UL << (bits - 1);
        ulong unit = 1UL << fraction;
        ulong infinity = sign - unit;
        ulong one = ((infinity >> 1) & ~(unit - 1)) & infinity;
        ulong[] magnitudes =
        [
            0, 1, unit / 2, unit - 1, unit, unit + 1, one - 1, one, one + 1, infinity - 1, infinity, infinity + 1, infinity + (unit / 2), sign - 1,
        ];
        ulong value = magnitudes[index % magnitudes.Length] | (index / magnitudes.Length % 2 == 0 ? 0 : sign);
        Span<byte> wide = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(wide, value);
        wide[..element.Length].CopyTo(element);
    }

    private static void Write(Span<byte> element, Dtype dtype, double value)
    {
        switch (dtype)
        {
            case Dtype.BF16:
                BinaryPrimitives.WriteUInt16LittleEndian(element, (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16));
                break;
            case Dtype.F16:
                BinaryPrimitives.WriteHalfLittleEndian(element, (Half)value);
                break;
            case Dtype.F32:
                BinaryPrimitives.WriteSingleLittleEndian(element, (float)value);
                break;
            default:
                BinaryPrimitives.WriteDoubleLittleEndian(element, value);
                break;
        }
    }
}
