using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>
/// BF16 and F16 have a short way for runs of what most weights are: it must give every value's bytes, and leave nothing to it that it
/// does not know.
/// </summary>
public sealed class PairsKernelTests
{
    private const ushort Sign = 0x8000;

    private static readonly VectorWidth[] Vectors = [VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512];

    public static readonly IEnumerable<object[]> Ways =
        from kernel in new[] { (Dtype.BF16, Numerics.Exact), (Dtype.BF16, Numerics.Official), (Dtype.F16, Numerics.Exact) }
        from width in Vectors
        select new object[] { kernel.Item1, kernel.Item2, width };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Every_finite_value_is_merged_as_one_by_one(Dtype dtype, Numerics numerics, VectorWidth width)
    {
        ushort infinity = Infinity(dtype);
        ushort[] aligned = [.. Enumerable.Range(0, 0x1_0000).Select(bits => (ushort)bits).Where(bits => (bits & ~Sign) < infinity)];

        // From the value itself over its neighbours, where sums lie halfway between two results, to any other.
        foreach (int distance in new[] { 0, 1, 2, 3, 5, 127, 128, 300, 4_001, 31_337 })
        {
            ushort[] baseValues = [.. aligned.Skip(distance), .. aligned.Take(distance)];
            foreach (double alpha in new[] { 0.3, 0.5, 1, -1, -7.25, 25, 1e9, -1e12 })
            {
                ushort[] expected = Merge(aligned, baseValues, dtype, numerics, alpha, VectorWidth.Scalar);

                Assert.DoesNotContain(expected, bits => (bits & ~Sign) > infinity);
                Assert.Equal(expected, Merge(aligned, baseValues, dtype, numerics, alpha, width));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_is_not_finite_is_seen_at_every_place(Dtype dtype, Numerics numerics, VectorWidth width)
    {
        const int Count = 17_000;
        const double Alpha = -0.3;
        ushort infinity = Infinity(dtype);
        ushort negativeInfinity = (ushort)(Sign | infinity);
        ushort smallestNaN = (ushort)(infinity + 1);
        ushort smallestNegativeNaN = (ushort)(negativeInfinity + 1);
        ushort quietNaN = dtype == Dtype.F16 ? (ushort)0x7E00 : (ushort)0x7FC0;

        var random = new Random(7);
        ushort[] aligned = Weights(random, dtype, Count);
        ushort[] baseValues = Weights(random, dtype, Count);
        ushort[] expected = Merge(aligned, baseValues, dtype, numerics, Alpha, VectorWidth.Scalar);
        int[] places = [.. Enumerable.Range(0, 140), 8_191, 8_192, 8_223, 8_224, 8_255, 8_256, 16_384, .. Enumerable.Range(Count - 140, 140)];
        foreach (int place in places)
        {
            (ushort a, ushort b) = (aligned[place], baseValues[place]);
            (ushort specialAligned, ushort specialBase, ushort result) = (place % 6) switch
            {
                0 => (smallestNaN, b, quietNaN),
                1 => (a, smallestNegativeNaN, quietNaN),
                2 => ((ushort)0x7FFF, (ushort)0xFFFF, quietNaN),
                3 => (infinity, infinity, quietNaN),
                4 => (negativeInfinity, b, quietNaN),
                _ => (a, negativeInfinity, negativeInfinity),
            };
            (aligned[place], baseValues[place]) = (specialAligned, specialBase);

            ushort[] merged = Merge(aligned, baseValues, dtype, numerics, Alpha, width);

            Assert.Equal(result, merged[place]);
            merged[place] = expected[place];
            Assert.Equal(expected, merged);
            (aligned[place], baseValues[place]) = (a, b);
        }
    }

    private static ushort Infinity(Dtype dtype) => dtype == Dtype.F16 ? (ushort)0x7C00 : (ushort)0x7F80;

    private static ushort[] Weights(Random random, Dtype dtype, int count)
    {
        float[] weights = [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) / 10)];
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(weights.AsSpan());
        ushort[] elements = new ushort[count];
        ElementCast.For(Dtype.F32, dtype, VectorWidth.Scalar).Run(bytes, MemoryMarshal.AsBytes(elements.AsSpan()));
        return elements;
    }

    private static ushort[] Merge(ushort[] aligned, ushort[] baseValues, Dtype dtype, Numerics numerics, double alpha, VectorWidth width)
    {
        ushort[] output = new ushort[aligned.Length];
        ExpoPipeline.For(dtype, dtype, dtype, numerics, alpha, width).Run(
            MemoryMarshal.AsBytes(aligned.AsSpan()), MemoryMarshal.AsBytes(baseValues.AsSpan()), MemoryMarshal.AsBytes(output.AsSpan()));
        return output;
    }
}
