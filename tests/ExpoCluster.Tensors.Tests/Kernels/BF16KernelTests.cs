using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>BF16 in, BF16 out has a short way for runs without NaN: it must give every value's bytes, and leave no NaN to it.</summary>
public sealed class BF16KernelTests
{
    private const ushort Infinity = 0x7F80;
    private const int Sign = 0x8000;

    private static readonly VectorWidth[] Vectors = [VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512];

    public static readonly IEnumerable<object[]> Ways =
        from numerics in new[] { Numerics.Exact, Numerics.Official }
        from width in Vectors
        select new object[] { numerics, width };

    [Theory]
    [MemberData(nameof(Ways))]
    public void Every_finite_value_is_merged_as_one_by_one(Numerics numerics, VectorWidth width)
    {
        ushort[] aligned = [.. Enumerable.Range(0, 0x1_0000).Select(bits => (ushort)bits).Where(bits => (bits & ~Sign) < Infinity)];

        // From the value itself over its neighbours, where sums lie halfway between two results, to any other.
        foreach (int distance in new[] { 0, 1, 2, 3, 5, 127, 128, 300, 4_001, 31_337 })
        {
            ushort[] baseValues = [.. aligned.Skip(distance), .. aligned.Take(distance)];
            foreach (double alpha in new[] { 0.3, 0.5, 1, -1, -7.25, 25 })
            {
                ushort[] expected = Merge(aligned, baseValues, numerics, alpha, VectorWidth.Scalar);

                Assert.DoesNotContain(expected, IsNaN);
                Assert.Equal(expected, Merge(aligned, baseValues, numerics, alpha, width));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_NaN_is_seen_at_every_place(Numerics numerics, VectorWidth width)
    {
        const int Count = 17_000;
        var random = new Random(7);
        ushort[] aligned = Weights(random, Count);
        ushort[] baseValues = Weights(random, Count);
        ushort[] expected = Merge(aligned, baseValues, numerics, 0.3, VectorWidth.Scalar);
        int[] places = [.. Enumerable.Range(0, 140), 8_191, 8_192, 8_223, 8_224, 8_255, 8_256, 16_384, .. Enumerable.Range(Count - 140, 140)];
        foreach (int place in places)
        {
            (ushort a, ushort b) = (aligned[place], baseValues[place]);
            (aligned[place], baseValues[place]) = (place % 4) switch
            {
                0 => ((ushort)0x7F81, b),
                1 => (a, (ushort)0xFF81),
                2 => ((ushort)0x7FFF, (ushort)0xFFFF),
                _ => (Infinity, Infinity),
            };

            ushort[] merged = Merge(aligned, baseValues, numerics, 0.3, width);

            Assert.Equal(0x7FC0, merged[place]);
            merged[place] = expected[place];
            Assert.Equal(expected, merged);
            (aligned[place], baseValues[place]) = (a, b);
        }
    }

    private static bool IsNaN(ushort bits) => (bits & ~Sign) > Infinity;

    private static ushort[] Weights(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (ushort)(BitConverter.SingleToUInt32Bits((random.NextSingle() - 0.5f) / 10) >> 16))];

    private static ushort[] Merge(ushort[] aligned, ushort[] baseValues, Numerics numerics, double alpha, VectorWidth width)
    {
        ushort[] output = new ushort[aligned.Length];
        ExpoKernel.For(Dtype.BF16, Dtype.BF16, Dtype.BF16, numerics, alpha, width).Run(
            MemoryMarshal.AsBytes(aligned.AsSpan()), MemoryMarshal.AsBytes(baseValues.AsSpan()), MemoryMarshal.AsBytes(output.AsSpan()));
        return output;
    }
}
