using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Samples;

/// <summary>
/// Weights that look like a model's: base ~ N(0, 0.02), and aligned = base + N(0, 0.0003), each a pure function of seed,
/// tensor name and element index.
/// </summary>
internal sealed class SampleValues(ulong seed, bool isAligned)
{
    private const float BaseDeviation = 0.02f;
    private const float DeltaDeviation = 0.0003f;

    // The sum of four uniform 16-bit numbers has mean 2 · 65535 and this deviation.
    private const float SumMean = 2f * 65_535f;
    private const float SumDeviation = 65_536f * 0.577_350_27f;

    private const ulong Golden = 0x9E37_79B9_7F4A_7C15;

    /// <summary>Fills the tensor's bytes from <paramref name="begin"/> on, which is a multiple of eight.</summary>
    public void Fill(SafetensorsTensor tensor, long begin, Span<byte> bytes)
    {
        ulong stream = XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(tensor.Name), (long)seed);
        ulong first = (ulong)(begin * 8 / tensor.Dtype.Bits());
        switch (tensor.Dtype)
        {
            case Dtype.BF16:
                FillBFloat16(stream, first, MemoryMarshal.Cast<byte, ushort>(bytes));
                break;
            case Dtype.F16:
                FillHalf(stream, first, MemoryMarshal.Cast<byte, Half>(bytes));
                break;
            case Dtype.F32:
                FillSingle(stream, first, MemoryMarshal.Cast<byte, float>(bytes));
                break;
            case Dtype.F64:
                FillDouble(stream, first, MemoryMarshal.Cast<byte, double>(bytes));
                break;
            default:
                // Copied by a merge, so the same on both sides. 0 and 1 are legal in every dtype, also in BOOL.
                FillBits(stream, (ulong)begin, bytes);
                break;
        }
    }

    private float Value(ulong stream, ulong index)
    {
        float value = Normal(Mix(stream + (index * Golden))) * BaseDeviation;
        return isAligned ? value + (Normal(Mix(~stream + (index * Golden))) * DeltaDeviation) : value;
    }

    private void FillBFloat16(ulong stream, ulong first, Span<ushort> values)
    {
        for (int index = 0; index < values.Length; index++)
        {
            uint bits = BitConverter.SingleToUInt32Bits(Value(stream, first + (ulong)index));
            values[index] = (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    private void FillHalf(ulong stream, ulong first, Span<Half> values)
    {
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = (Half)Value(stream, first + (ulong)index);
        }
    }

    private void FillSingle(ulong stream, ulong first, Span<float> values)
    {
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = Value(stream, first + (ulong)index);
        }
    }

    private void FillDouble(ulong stream, ulong first, Span<double> values)
    {
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = Value(stream, first + (ulong)index);
        }
    }

    private static void FillBits(ulong stream, ulong first, Span<byte> values)
    {
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = (byte)(Mix(stream + ((first + (ulong)index) * Golden)) & 1);
        }
    }

    private static float Normal(ulong bits)
    {
        uint sum = (uint)(bits & 0xFFFF) + (uint)((bits >> 16) & 0xFFFF) + (uint)((bits >> 32) & 0xFFFF) + (uint)(bits >> 48);
        return (sum - SumMean) / SumDeviation;
    }

    // The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
        value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
        return value ^ (value >> 31);
    }
}
