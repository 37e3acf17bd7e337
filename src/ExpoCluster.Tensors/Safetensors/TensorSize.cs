using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>The bytes that a shape of a dtype takes.</summary>
internal static class TensorSize
{
    public static long InBytes(Dtype dtype, ImmutableArray<long> shape, string tensor, string file)
    {
        UInt128 bits = (UInt128)Elements(shape, tensor, file) * (uint)dtype.Bits();
        if (bits > ulong.MaxValue)
        {
            throw Overflow(shape, tensor, file);
        }

        return bits % 8 == 0
            ? (long)(bits / 8)
            : throw SafetensorsRules.ElementsFillBytes.Broken(
                file, tensor, expected: "a multiple of 8 bits", found: $"{bits} bits of {dtype.Name()} {Describe(shape)}");
    }

    /// <summary>
    /// From left to right, as the format's own library multiplies: a zero does not excuse an overflow before it.
    /// </summary>
    private static ulong Elements(ImmutableArray<long> shape, string tensor, string file)
    {
        UInt128 count = 1;
        foreach (long extent in shape)
        {
            count *= (ulong)extent;
            if (count > long.MaxValue)
            {
                throw Overflow(shape, tensor, file);
            }
        }

        return (ulong)count;
    }

    private static TensorFileException Overflow(ImmutableArray<long> shape, string tensor, string file) =>
        SafetensorsRules.SizeFits.Broken(file, tensor, found: $"shape {Describe(shape)}");

    private static string Describe(ImmutableArray<long> shape) =>
        $"[{string.Join(',', shape.Take(16))}{(shape.Length > 16 ? ",…" : "")}]";
}
