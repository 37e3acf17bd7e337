using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>Rounds float32 to one of the two BF16 neighbours, the nearer one more often: on average nothing is lost.</summary>
/// <remarks>
/// Sixteen random bits are added to the half that is cut off, and what carries over rounds away from zero. They are a function of
/// the tensor's key and the element's index alone, so that parts, lanes, nodes and vector widths do not matter. What BF16 holds exactly
/// stays as it is; every NaN becomes the canonical quiet one.
/// </remarks>
internal static class StochasticRounding
{
    private const int VectorElements = 8;
    private const uint Increment = 0x9E37_79B9;

    private static readonly Vector256<uint> Ascending = Vector256<uint>.Indices;

    /// <param name="values">float32.</param>
    /// <param name="output">Room for as many BF16 values.</param>
    /// <param name="at">Of the first value.</param>
    public static void ToBF16(ReadOnlySpan<float> values, Span<byte> output, ElementPosition at)
    {
        while (!values.IsEmpty)
        {
            // The upper half of the index is part of the key, and the same for a whole run.
            long untilNextKey = (1L << 32) - (at.FirstElement & uint.MaxValue);
            int count = (int)Math.Min(values.Length, untilNextKey);
            Run(ref MemoryMarshal.GetReference(values), ref MemoryMarshal.GetReference(output), count, KeyOf(at), (uint)at.FirstElement);
            values = values[count..];
            output = output[(count * BF16Element.ByteCount)..];
            at = at with { FirstElement = at.FirstElement + count };
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run(ref float values, ref byte output, int count, Key key, uint first)
    {
        int i = 0;
        for (; i <= count - VectorElements; i += VectorElements)
        {
            Vector256<uint> random = Random(Ascending + Vector256.Create(first + (uint)i), key);
            Vector256<float> value = Vector256.LoadUnsafe(ref values, (nuint)i);
            Vector256<uint> rounded = Vector256.ConditionalSelect(
                Vector256.IsNaN(value).AsUInt32(), Vector256.Create(BF16Rounding.QuietNaN), value.AsUInt32() + random);
            HalfWords.Store(rounded.AsInt32() >> 16, ref Unsafe.Add(ref output, i * BF16Element.ByteCount));
        }

        for (; i < count; i++)
        {
            float value = Unsafe.Add(ref values, i);
            uint rounded = float.IsNaN(value)
                ? BF16Rounding.QuietNaN
                : BitConverter.SingleToUInt32Bits(value) + Random(Vector256.Create(first + (uint)i), key)[0];
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref output, i * BF16Element.ByteCount), (ushort)(rounded >> 16));
        }
    }

    /// <summary>Sixteen random bits for each index: two keyed rounds of an integer hash with good avalanche ("lowbias32").</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Random(Vector256<uint> index, Key key) =>
        Mix(Mix((index * Increment) ^ Vector256.Create(key.First)) + Vector256.Create(key.Second)) >> 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Mix(Vector256<uint> x)
    {
        x ^= x >> 16;
        x *= 0x7FEB_352D;
        x ^= x >> 15;
        x *= 0x846C_A68B;
        return x ^ (x >> 16);
    }

    private static Key KeyOf(ElementPosition at)
    {
        // The finalizer of MurmurHash3, so that neighbouring keys have nothing in common.
        ulong key = at.TensorKey + ((ulong)(at.FirstElement >> 32) * 0x9E37_79B9_7F4A_7C15);
        key ^= key >> 33;
        key *= 0xFF51_AFD7_ED55_8CCD;
        key ^= key >> 33;
        key *= 0xC4CE_B9FE_1A85_EC53;
        key ^= key >> 33;
        return new Key((uint)key, (uint)(key >> 32));
    }

    private readonly record struct Key(uint First, uint Second);
}
