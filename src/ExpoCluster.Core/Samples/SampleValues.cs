using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>
/// Weights that look like a model's: base ~ N(0, 0.02), and aligned = base + N(0, 0.0003), each a pure function of seed,
/// tensor name and element index.
/// </summary>
/// <remarks>
/// Every element has a 32-bit hash of its index; the sum of the hash's four bytes is roughly normal. Elements are computed by
/// vectors, but each operation rounds by itself, so the width of the vectors does not matter.
/// </remarks>
internal sealed class SampleValues(ulong seed, bool isAligned)
{
    private const float BaseDeviation = 0.02f;
    private const float DeltaDeviation = 0.0003f;

    // Of the sum of four uniform bytes and a uniform fraction.
    private const float SumMean = 510.5f;
    private const float SumDeviation = 147.8f;

    /// <summary>Elements, or words of four bytes, that share hash keys.</summary>
    private const int BlockLength = 1 << 16;

    /// <summary>Values that are computed before they are converted: they stay in the first-level cache.</summary>
    private const int StrideLength = 2048;

    /// <summary>Fills the tensor's bytes from <paramref name="begin"/> on, which is a multiple of 4 MiB.</summary>
    public void Fill(string tensor, Dtype dtype, long begin, Span<byte> bytes)
    {
        ulong stream = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(tensor), (long)seed);
        int width = dtype.IsArithmetic() ? dtype.Bits() / 8 : sizeof(uint);
        int blockBytes = BlockLength * width;
        long block = begin / blockBytes;
        for (int offset = 0; offset < bytes.Length; offset += blockBytes, block++)
        {
            Span<byte> piece = bytes.Slice(offset, Math.Min(blockBytes, bytes.Length - offset));
            FillBlock(dtype, new BlockHash(stream, block), piece);
        }
    }

    private void FillBlock(Dtype dtype, BlockHash hash, Span<byte> bytes)
    {
        switch (dtype)
        {
            case Dtype.BF16:
                FillStrides<ushort>(hash, bytes, ToBFloat16);
                break;
            case Dtype.F16:
                FillStrides<Half>(hash, bytes, ToHalf);
                break;
            case Dtype.F32:
                FillStrides<float>(hash, bytes, (values, output) => values.CopyTo(output));
                break;
            case Dtype.F64:
                FillStrides<double>(hash, bytes, ToDouble);
                break;
            default:
                FillBits(hash, bytes);
                break;
        }
    }

    private void FillStrides<T>(BlockHash hash, Span<byte> bytes, Conversion<T> convert)
        where T : unmanaged
    {
        Span<T> output = MemoryMarshal.Cast<byte, T>(bytes);
        Span<float> values = stackalloc float[StrideLength];
        for (int begin = 0; begin < output.Length; begin += StrideLength)
        {
            int count = Math.Min(StrideLength, output.Length - begin);
            Compute(hash, (uint)begin, values);
            convert(values[..count], output.Slice(begin, count));
        }
    }

    private void Compute(BlockHash hash, uint first, Span<float> values)
    {
        Vector<uint> index = Vector<uint>.Indices + new Vector<uint>(first);
        foreach (ref Vector<float> vector in MemoryMarshal.Cast<float, Vector<float>>(values))
        {
            Vector<uint> bits = hash.Of(index);
            Vector<float> value = Normal(bits) * BaseDeviation;
            vector = isAligned ? value + (Normal(hash.Again(bits)) * DeltaDeviation) : value;
            index += new Vector<uint>((uint)Vector<uint>.Count);
        }
    }

    private static Vector<float> Normal(Vector<uint> bits)
    {
        var everyOther = new Vector<uint>(0x00FF_00FF);
        Vector<uint> pairs = (bits & everyOther) + ((bits >> 8) & everyOther);
        Vector<uint> sum = (pairs + (pairs >> 16)) & new Vector<uint>(0xFFFF);
        // The fraction fills the gaps between the 1021 sums, so that F32 values have all their digits.
        Vector<uint> fixedPoint = (sum << 16) | (bits & new Vector<uint>(0xFFFF));
        Vector<float> value = Vector.ConvertToSingle(Vector.AsVectorInt32(fixedPoint)) * (1f / 65_536f);
        return (value - new Vector<float>(SumMean)) * (1f / SumDeviation);
    }

    private static void ToBFloat16(ReadOnlySpan<float> values, Span<ushort> output)
    {
        int whole = output.Length - (output.Length % Vector<ushort>.Count);
        for (int i = 0; i < whole; i += Vector<ushort>.Count)
        {
            Vector<uint> lower = Round(new Vector<float>(values[i..]));
            Vector<uint> upper = Round(new Vector<float>(values[(i + Vector<float>.Count)..]));
            Vector.Narrow(lower, upper).CopyTo(output[i..]);
        }

        for (int i = whole; i < output.Length; i++)
        {
            output[i] = (ushort)Round(new Vector<float>(values[i]))[0];
        }
    }

    // To nearest, ties to even; none of the values is a NaN.
    private static Vector<uint> Round(Vector<float> values)
    {
        Vector<uint> bits = Vector.AsVectorUInt32(values);
        return (bits + new Vector<uint>(0x7FFF) + ((bits >> 16) & Vector<uint>.One)) >> 16;
    }

    private static void ToHalf(ReadOnlySpan<float> values, Span<Half> output)
    {
        for (int i = 0; i < output.Length; i++)
        {
            output[i] = (Half)values[i];
        }
    }

    private static void ToDouble(ReadOnlySpan<float> values, Span<double> output)
    {
        for (int i = 0; i < output.Length; i++)
        {
            output[i] = values[i];
        }
    }

    // Copied by a merge, so the same on both sides. 0 and 1 are legal in every dtype, also in BOOL.
    private static void FillBits(BlockHash hash, Span<byte> bytes)
    {
        Span<byte> word = stackalloc byte[sizeof(uint)];
        for (int offset = 0; offset < bytes.Length; offset += word.Length)
        {
            uint bits = hash.Of(new Vector<uint>((uint)(offset / word.Length)))[0] & 0x0101_0101;
            MemoryMarshal.Write(word, in bits);
            word[..Math.Min(word.Length, bytes.Length - offset)].CopyTo(bytes[offset..]);
        }
    }

    private delegate void Conversion<T>(ReadOnlySpan<float> values, Span<T> output);

    /// <summary>The hashes of one block's elements: Wellons' lowbias32 with two keys.</summary>
    private readonly struct BlockHash
    {
        private const ulong Golden = 0x9E37_79B9_7F4A_7C15;

        private readonly uint _firstKey;
        private readonly uint _secondKey;

        // Two keys, for among the million blocks of a large model some would share one of 32 bits.
        public BlockHash(ulong stream, long block)
        {
            ulong keys = Mix(stream + ((ulong)block * Golden));
            _firstKey = (uint)keys;
            _secondKey = (uint)(keys >> 32);
        }

        public Vector<uint> Of(Vector<uint> index)
        {
            Vector<uint> bits = index + new Vector<uint>(_firstKey);
            bits = (bits ^ (bits >> 16)) * 0x7FEB_352Du;
            bits = (bits ^ (bits >> 15)) + new Vector<uint>(_secondKey);
            bits *= 0x846C_A68Bu;
            return bits ^ (bits >> 16);
        }

        /// <summary>Another hash of the same element, made of its first.</summary>
        public Vector<uint> Again(Vector<uint> bits)
        {
            bits = (bits + new Vector<uint>(_secondKey)) * 0x2C1B_3C6Du;
            bits = (bits ^ (bits >> 12)) * 0x297A_2D39u;
            return bits ^ (bits >> 15);
        }

        // The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
        private static ulong Mix(ulong value)
        {
            value = (value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9;
            value = (value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB;
            return value ^ (value >> 31);
        }
    }
}
