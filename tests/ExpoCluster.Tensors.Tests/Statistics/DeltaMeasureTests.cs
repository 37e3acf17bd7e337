using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Tensors.Tests.Statistics;

public sealed class DeltaMeasureTests
{
    private static readonly Dtype[] Dtypes = [Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64];

    public static TheoryData<Dtype, Dtype, Dtype> AllDtypes
    {
        get
        {
            var data = new TheoryData<Dtype, Dtype, Dtype>();
            foreach (Dtype aligned in Dtypes)
            {
                foreach (Dtype baseDtype in Dtypes)
                {
                    foreach (Dtype output in Dtypes)
                    {
                        data.Add(aligned, baseDtype, output);
                    }
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(AllDtypes))]
    public void Counts_are_exact_and_sums_close_for_every_dtype_and_length(Dtype aligned, Dtype baseDtype, Dtype output)
    {
        foreach (int count in (int[])[0, 1, 15, 16, 17, 31, 33, 63, 127, 1023, 2048, 2049, 5000])
        {
            double[] a = Normal(count, 0.02, seed: 1);
            double[] b = [.. a.Zip(Normal(count, 1e-3, seed: 2), (value, delta) => value % 3e-3 > 2e-3 ? value : value - delta)];
            byte[] alignedBytes = Encode(a, aligned);
            byte[] baseBytes = Encode(b, baseDtype);
            byte[] outputBytes = new byte[count * output.Bits() / 8];
            ExpoPipeline.For(aligned, baseDtype, output, Numerics.Exact, alpha: 0.3).Run(alignedBytes, baseBytes, outputBytes);

            DeltaSums sums = DeltaMeasure.For(aligned, baseDtype, output).Measure(alignedBytes, baseBytes, outputBytes);

            AssertAgrees(Reference(Decode(alignedBytes, aligned), Decode(baseBytes, baseDtype), Decode(outputBytes, output), output), sums);
        }
    }

    [Fact]
    public void Not_finite_values_are_counted_and_do_not_spoil_the_sums()
    {
        float[] a = [.. Enumerable.Repeat(1f, 4096)];
        float[] b = [.. Enumerable.Repeat(0.5f, 4096)];
        a[7] = float.NaN;
        a[100] = float.PositiveInfinity;
        b[3000] = float.NegativeInfinity;
        a[4095] = 3e38f;
        float[] o = new float[4096];
        ExpoPipeline.For(Dtype.F32, Dtype.F32, Dtype.F32, Numerics.Exact, 1.0).Run(Bytes(a), Bytes(b), MemoryMarshal.AsBytes(o.AsSpan()));

        DeltaSums sums = DeltaMeasure.For(Dtype.F32, Dtype.F32, Dtype.F32).Measure(Bytes(a), Bytes(b), Bytes(o));

        Assert.Equal(1, sums.NaN);
        Assert.Equal(3, sums.Infinite);
        Assert.Equal(1, sums.Overflowed);
        Assert.Equal(4096, sums.Changed);
        Assert.Equal(0.25 * 4092, sums.SquaredDelta - ((double)3e38f * 3e38f), tolerance: 1e60);
        Assert.Equal((double)3e38f, sums.MaxDelta);
    }

    [Fact]
    public void An_output_beyond_F16_is_an_overflow()
    {
        float[] a = [65_000f, -65_000f, 1f];
        float[] b = [60_000f, -60_000f, 1f];
        byte[] output = new byte[6];
        ExpoPipeline.For(Dtype.F32, Dtype.F32, Dtype.F16, Numerics.Exact, 0.5).Run(Bytes(a), Bytes(b), output);

        DeltaSums sums = DeltaMeasure.For(Dtype.F32, Dtype.F32, Dtype.F16).Measure(Bytes(a), Bytes(b), output);

        Assert.Equal(2, sums.Overflowed);
        Assert.Equal(2, sums.Infinite);
        Assert.Equal(0, sums.NaN);
    }

    [Fact]
    public void Differences_too_small_for_float32_squares_still_have_a_norm()
    {
        float[] a = [.. Enumerable.Repeat(3e-25f, 64)];
        float[] b = [.. Enumerable.Repeat(1e-25f, 64)];

        DeltaSums sums = DeltaMeasure.For(Dtype.F32, Dtype.F32, Dtype.F32).Measure(Bytes(a), Bytes(b), Bytes(a));

        Assert.Equal(8 * 2e-25, sums.DeltaNorm, tolerance: 1e-30);
        Assert.Equal(0, sums.EffectiveAlpha);
    }

    // The shares of the table in docs/formats.md, "What BF16 swallows".
    [Theory]
    [InlineData(0.1, 1e-5, 0.94)]
    [InlineData(0.1, 1e-4, 0.83)]
    [InlineData(0.1, 3e-4, 0.64)]
    [InlineData(0.3, 1e-5, 0.79)]
    [InlineData(0.3, 1e-4, 0.49)]
    [InlineData(0.3, 3e-4, 0.23)]
    public void Half_of_small_updates_vanish_in_BF16_and_none_in_F32(double alpha, double deltaSize, double published)
    {
        const int count = 200_000;
        double[] weights = Normal(count, 0.02, seed: 3);
        byte[] aligned = Encode(weights, Dtype.BF16);
        byte[] baseBytes = Encode([.. weights.Zip(Normal(count, deltaSize, seed: 4), (value, delta) => value - delta)], Dtype.BF16);

        DeltaSums inBF16 = MergeAndMeasure(aligned, baseBytes, Dtype.BF16, alpha);
        DeltaSums inF32 = MergeAndMeasure(aligned, baseBytes, Dtype.F32, alpha);

        Assert.InRange(inBF16.SwallowedShare, published - 0.02, published + 0.02);
        Assert.Equal(0, inF32.Swallowed);
        Assert.Equal(alpha, inF32.EffectiveAlpha!.Value, tolerance: 1e-5);
        Assert.Equal(inBF16.Changed, inF32.Changed);
    }

    [Fact]
    public void Sums_of_runs_add_up_to_the_sum_of_the_whole()
    {
        byte[] aligned = Encode(Normal(10_000, 1, seed: 5), Dtype.BF16);
        byte[] baseBytes = Encode(Normal(10_000, 1, seed: 6), Dtype.BF16);
        DeltaMeasure measure = DeltaMeasure.For(Dtype.BF16, Dtype.BF16, Dtype.BF16);

        DeltaSums whole = measure.Measure(aligned, baseBytes, aligned);
        DeltaSums first = measure.Measure(aligned.AsSpan(0, 6_002), baseBytes.AsSpan(0, 6_002), aligned.AsSpan(0, 6_002));
        DeltaSums second = measure.Measure(aligned.AsSpan(6_002), baseBytes.AsSpan(6_002), aligned.AsSpan(6_002));

        AssertAgrees(whole, first + second);
    }

    private static DeltaSums MergeAndMeasure(byte[] aligned, byte[] baseBytes, Dtype output, double alpha)
    {
        byte[] merged = new byte[aligned.Length / 2 * output.Bits() / 8];
        ExpoPipeline.For(Dtype.BF16, Dtype.BF16, output, Numerics.Exact, alpha).Run(aligned, baseBytes, merged);
        return DeltaMeasure.For(Dtype.BF16, Dtype.BF16, output).Measure(aligned, baseBytes, merged);
    }

    private static DeltaSums Reference(double[] aligned, double[] baseValues, double[] output, Dtype outputDtype)
    {
        double[] asOutput = Decode(Encode(aligned, outputDtype), outputDtype);
        double[] delta = [.. aligned.Zip(baseValues, (a, b) => a - b)];
        return new DeltaSums
        {
            Elements = aligned.Length,
            Changed = delta.Count(d => d != 0),
            Swallowed = delta.Where((d, i) => d != 0 && output[i] == asOutput[i]).Count(),
            SquaredDelta = delta.Sum(d => d * d),
            SquaredAligned = aligned.Sum(a => a * a),
            AppliedDelta = delta.Select((d, i) => (output[i] - aligned[i]) * d).Sum(),
            MaxDelta = delta.Select(Math.Abs).DefaultIfEmpty().Max(),
        };
    }

    private static void AssertAgrees(DeltaSums expected, DeltaSums actual)
    {
        Assert.Equal(expected.Elements, actual.Elements);
        Assert.Equal(expected.Changed, actual.Changed);
        Assert.Equal(expected.Swallowed, actual.Swallowed);
        Assert.Equal(0, actual.NaN);
        Assert.Equal(0, actual.Infinite);
        Assert.Equal(expected.SquaredDelta, actual.SquaredDelta, tolerance: 1e-5 * expected.SquaredDelta);
        Assert.Equal(expected.SquaredAligned, actual.SquaredAligned, tolerance: 1e-5 * expected.SquaredAligned);
        Assert.Equal(expected.AppliedDelta, actual.AppliedDelta, tolerance: (1e-4 * Math.Abs(expected.AppliedDelta)) + (1e-6 * expected.SquaredDelta));
        Assert.Equal(expected.MaxDelta, actual.MaxDelta, tolerance: 1e-6 * expected.MaxDelta);
    }

    private static double[] Normal(int count, double deviation, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ =>
            deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];
    }

    private static ReadOnlySpan<byte> Bytes(float[] values) => MemoryMarshal.AsBytes(values.AsSpan());

    private static byte[] Encode(double[] values, Dtype dtype) => dtype switch
    {
        Dtype.F64 => [.. values.SelectMany(BitConverter.GetBytes)],
        Dtype.F32 => [.. values.SelectMany(value => BitConverter.GetBytes((float)value))],
        Dtype.F16 => [.. values.SelectMany(value => BitConverter.GetBytes((Half)(float)value))],
        _ => [.. values.SelectMany(value => BitConverter.GetBytes(RoundToBF16((float)value)))],
    };

    private static ushort RoundToBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint down = bits & 0xFFFF_0000;
        uint rest = bits & 0xFFFF;
        bool up = rest > 0x8000 || (rest == 0x8000 && (down & 0x1_0000) != 0);
        return (ushort)((down + (up ? 0x1_0000u : 0)) >> 16);
    }

    private static double[] Decode(byte[] bytes, Dtype dtype) => dtype switch
    {
        Dtype.F64 => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
        Dtype.F32 => [.. MemoryMarshal.Cast<byte, float>(bytes).ToArray().Select(value => (double)value)],
        Dtype.F16 => [.. MemoryMarshal.Cast<byte, Half>(bytes).ToArray().Select(value => (double)value)],
        _ => [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(bits => (double)BitConverter.UInt32BitsToSingle((uint)bits << 16))],
    };
}
