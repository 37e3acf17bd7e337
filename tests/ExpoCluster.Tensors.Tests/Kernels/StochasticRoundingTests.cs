using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Tensors.Tests.Kernels;

public sealed class StochasticRoundingTests
{
    private const int Count = 200_000;

    [Fact]
    public void A_result_becomes_one_of_its_two_neighbours_and_the_nearer_one_more_often()
    {
        // A quarter of the way from 1 to the next BF16 value, 1 + 2^-7.
        float[] values = [.. Enumerable.Repeat(1f + (1f / 512), Count)];

        ushort[] rounded = Round(values, new ElementPosition(TensorKey: 1, FirstElement: 0));

        Assert.All(rounded, bits => Assert.True(bits is 0x3F80 or 0x3F81));
        Assert.Equal(0.25, rounded.Count(bits => bits == 0x3F81) / (double)Count, tolerance: 0.005);
    }

    [Fact]
    public void What_BF16_holds_exactly_stays_and_not_finite_values_stay_what_they_are()
    {
        float[] values = [0f, -0f, 1f, -1.5f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, BitConverter.UInt32BitsToSingle(0xFF80_0001), 1e-40f * 0];

        ushort[] rounded = Round(values, new ElementPosition(7, 12345));

        Assert.Equal<ushort>([0x0000, 0x8000, 0x3F80, 0xBFC0, 0x7F80, 0xFF80, 0x7FC0, 0x7FC0, 0x0000], rounded);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(4096)]
    public void However_a_tensor_is_cut_the_bytes_are_the_same(int run)
    {
        float[] values = Values(5_000);
        ushort[] whole = Round(values, new ElementPosition(99, 0));

        var cut = new List<ushort>();
        for (int begin = 0; begin < values.Length; begin += run)
        {
            cut.AddRange(Round(values[begin..Math.Min(values.Length, begin + run)], new ElementPosition(99, begin)));
        }

        Assert.Equal(whole, cut);
    }

    [Fact]
    public void Indices_beyond_four_billion_have_bits_of_their_own_and_may_be_cut_there_too()
    {
        const long border = 1L << 32;
        float[] values = [.. Enumerable.Repeat(1f + (1f / 256), 64)];

        ushort[] across = Round(values, new ElementPosition(5, border - 32));
        ushort[] before = Round(values[..32], new ElementPosition(5, border - 32));
        ushort[] behind = Round(values[32..], new ElementPosition(5, border));

        Assert.Equal(across, before.Concat(behind));
        Assert.NotEqual(behind, Round(values[32..], new ElementPosition(5, 0)));
    }

    [Fact]
    public void Tensors_differ_from_each_other()
    {
        float[] values = [.. Enumerable.Repeat(1f + (1f / 256), Count)];

        ushort[] one = Round(values, new ElementPosition(1, 0));
        ushort[] other = Round(values, new ElementPosition(2, 0));
        double same = one.Zip(other, (a, b) => a == b ? 1 : 0).Average();

        Assert.Equal(0.5, same, tolerance: 0.01);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(4096)]
    public void Elements_at_any_distance_are_independent(int distance)
    {
        float[] values = [.. Enumerable.Repeat(1f + (1f / 256), Count)];

        int[] up = [.. Round(values, new ElementPosition(3, 0)).Select(bits => bits - 0x3F80)];
        double both = up.Zip(up.Skip(distance), (a, b) => a & b).Average();

        Assert.Equal(0.25, both, tolerance: 0.005);
    }

    [Theory]
    [InlineData(VectorWidth.Scalar)]
    [InlineData(VectorWidth.Bits128)]
    [InlineData(VectorWidth.Bits256)]
    [InlineData(VectorWidth.Bits512)]
    public void Alpha_is_reached_on_average_where_rounding_to_nearest_swallows_most_of_it(VectorWidth width)
    {
        float[] aligned = Values(Count);
        byte[] alignedBytes = Bytes(Round(aligned, default));
        float[] alignedValues = [.. MemoryMarshal.Cast<byte, ushort>(alignedBytes).ToArray().Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16))];
        var random = new Random(8);
        byte[] baseBytes = MemoryMarshal.AsBytes<float>(alignedValues.Select(value => value + (float)((random.NextDouble() - 0.5) * 1e-4)).ToArray()).ToArray();
        byte[] nearest = new byte[alignedBytes.Length];
        byte[] stochastic = new byte[alignedBytes.Length];
        ExpoPipeline.For(Dtype.BF16, Dtype.F32, Dtype.BF16, Numerics.Exact, 0.3, width).Run(alignedBytes, baseBytes, nearest);
        ExpoPipeline.For(Dtype.BF16, Dtype.F32, Dtype.BF16, Numerics.Stochastic, 0.3, width)
            .Run(alignedBytes, baseBytes, stochastic, new ElementPosition(11, 0));
        DeltaMeasure measure = DeltaMeasure.For(Dtype.BF16, Dtype.F32, Dtype.BF16);

        Assert.True(measure.Measure(alignedBytes, baseBytes, nearest).SwallowedShare > 0.5);
        Assert.InRange(measure.Measure(alignedBytes, baseBytes, stochastic).EffectiveAlpha!.Value, 0.27, 0.33);
    }

    [Fact]
    public void F32_outputs_are_the_exact_ones_and_F16_is_refused()
    {
        byte[] aligned = Bytes(Round(Values(1000), default));
        byte[] exact = new byte[4000];
        byte[] stochastic = new byte[4000];
        ExpoPipeline.For(Dtype.BF16, Dtype.BF16, Dtype.F32, Numerics.Exact, 0.3).Run(aligned, aligned, exact);
        ExpoPipeline.For(Dtype.BF16, Dtype.BF16, Dtype.F32, Numerics.Stochastic, 0.3).Run(aligned, aligned, stochastic, new ElementPosition(1, 0));

        Assert.Equal(exact, stochastic);
        Assert.Throws<ArgumentException>(() => ExpoPipeline.For(Dtype.F16, Dtype.F16, Dtype.F16, Numerics.Stochastic, 0.3));
    }

    [Fact]
    public void The_bits_of_this_version_are_frozen()
    {
        float[] values = [.. Enumerable.Range(0, 24).Select(i => 1f + (i / 4096f))];

        ushort[] rounded = Round(values, new ElementPosition(0x0123_4567_89AB_CDEF, 40));

        Assert.Equal(Frozen, Convert.ToHexString(Bytes(rounded)));
    }

    // Computed by a program of its own, in Python's integers.
    private const string Frozen = "803F803F803F803F813F803F803F803F803F803F803F803F813F803F803F803F813F803F813F803F803F813F813F813F";

    private static ushort[] Round(float[] values, ElementPosition at)
    {
        byte[] output = new byte[values.Length * sizeof(ushort)];
        StochasticRounding.ToBF16(values, output, at);
        return MemoryMarshal.Cast<byte, ushort>(output).ToArray();
    }

    private static byte[] Bytes(ushort[] values) => MemoryMarshal.AsBytes(values.AsSpan()).ToArray();

    private static float[] Values(int count)
    {
        var random = new Random(42);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * 0.08))];
    }
}
