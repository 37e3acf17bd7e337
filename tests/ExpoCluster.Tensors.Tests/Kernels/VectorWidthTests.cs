using System.Numerics;
using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>
/// The scalar code path against the documented formula, and every other one against the scalar: byte for byte, NaN included.
/// </summary>
public sealed class VectorWidthTests
{
    private const double Alpha = 0.3;
    private const int Longest = 1023;

    private static readonly int[] Lengths = [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, Longest];
    private static readonly Dtype[] Arithmetic = [Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64];
    private static readonly VectorWidth[] Vectors = [VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512];

    public static readonly IEnumerable<object[]> Dtypes =
        from aligned in Arithmetic
        from baseDtype in Arithmetic
        from output in Arithmetic
        select new object[] { aligned, baseDtype, output };

    public static readonly IEnumerable<object[]> OfficialDtypes =
        from aligned in Arithmetic
        from baseDtype in Arithmetic
        select new object[] { aligned, baseDtype };

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Exact_numerics_give_the_same_bytes_at_every_width(Dtype aligned, Dtype baseDtype, Dtype output)
    {
        AssertEveryWidthLikeScalar(aligned, baseDtype, output, Numerics.Exact);
    }

    [Theory]
    [MemberData(nameof(OfficialDtypes))]
    public void Official_numerics_give_the_same_bytes_at_every_width(Dtype aligned, Dtype baseDtype)
    {
        AssertEveryWidthLikeScalar(aligned, baseDtype, Dtype.BF16, Numerics.Official);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Exact_numerics_follow_the_documented_formula(Dtype aligned, Dtype baseDtype, Dtype output)
    {
        AssertScalarLikeReference(aligned, baseDtype, output, Numerics.Exact);
    }

    [Theory]
    [MemberData(nameof(OfficialDtypes))]
    public void Official_numerics_follow_the_documented_formula(Dtype aligned, Dtype baseDtype)
    {
        AssertScalarLikeReference(aligned, baseDtype, Dtype.BF16, Numerics.Official);
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void A_run_split_at_any_element_gives_the_same_bytes(Dtype aligned, Dtype baseDtype, Dtype output)
    {
        const int Count = 67;
        var run = new ElementRun(aligned, baseDtype, output, Count);
        foreach (VectorWidth width in Vectors)
        {
            ExpoPipeline kernel = ExpoPipeline.For(aligned, baseDtype, output, Numerics.Exact, Alpha, width);
            byte[] whole = run.Compute(kernel, 0, Count);
            for (int split = 0; split <= Count; split++)
            {
                byte[] halves = [.. run.Compute(kernel, 0, split), .. run.Compute(kernel, split, Count - split)];
                Assert.Equal(whole, halves);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Every_NaN_is_written_as_the_canonical_quiet_one(Dtype aligned, Dtype baseDtype, Dtype output)
    {
        foreach (VectorWidth width in Enum.GetValues<VectorWidth>())
        {
            byte[] written = new ElementRun(aligned, baseDtype, output, Longest)
                .Compute(ExpoPipeline.For(aligned, baseDtype, output, Numerics.Exact, Alpha, width), 0, Longest);
            Assert.Equal([CanonicalNaN(output)], NaNsIn(written, output));
        }
    }

    [Fact]
    public void A_run_allocates_nothing()
    {
        var run = new ElementRun(Dtype.BF16, Dtype.F16, Dtype.F32, Longest);
        ExpoPipeline kernel = ExpoPipeline.For(Dtype.BF16, Dtype.F16, Dtype.F32, Numerics.Exact, Alpha);
        byte[] output = run.Compute(kernel, 0, Longest);

        long before = GC.GetAllocatedBytesForCurrentThread();
        kernel.Run(run.Aligned(0, Longest), run.Base(0, Longest), output);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void AssertScalarLikeReference(Dtype aligned, Dtype baseDtype, Dtype output, Numerics numerics)
    {
        var run = new ElementRun(aligned, baseDtype, output, Longest);

        Assert.Equal(
            ReferenceMerge.Compute(run.Aligned(0, Longest), aligned, run.Base(0, Longest), baseDtype, output, numerics, Alpha),
            run.Compute(ExpoPipeline.For(aligned, baseDtype, output, numerics, Alpha, VectorWidth.Scalar), 0, Longest));
    }

    private static void AssertEveryWidthLikeScalar(Dtype aligned, Dtype baseDtype, Dtype output, Numerics numerics)
    {
        var run = new ElementRun(aligned, baseDtype, output, Longest);
        ExpoPipeline scalar = ExpoPipeline.For(aligned, baseDtype, output, numerics, Alpha, VectorWidth.Scalar);
        foreach (VectorWidth width in Vectors)
        {
            ExpoPipeline vector = ExpoPipeline.For(aligned, baseDtype, output, numerics, Alpha, width);
            foreach (int length in Lengths)
            {
                // Behind other first elements each length meets other specials; the bytes start at odd addresses.
                int first = (Longest - length) / 2;
                Assert.Equal(run.Compute(scalar, first, length), run.Compute(vector, first, length));
            }
        }
    }

    private static ulong CanonicalNaN(Dtype dtype) => dtype switch
    {
        Dtype.BF16 => 0x7FC0,
        Dtype.F16 => 0x7E00,
        Dtype.F32 => 0x7FC0_0000,
        _ => 0x7FF8_0000_0000_0000,
    };

    private static IEnumerable<ulong> NaNsIn(byte[] written, Dtype dtype) => dtype switch
    {
        Dtype.BF16 => Above<ushort>(written, infinity: 0x7F80),
        Dtype.F16 => Above<ushort>(written, infinity: 0x7C00),
        Dtype.F32 => Above<uint>(written, infinity: 0x7F80_0000),
        _ => Above<ulong>(written, infinity: 0x7FF0_0000_0000_0000),
    };

    private static IEnumerable<ulong> Above<TBits>(byte[] written, ulong infinity)
        where TBits : unmanaged, IUnsignedNumber<TBits>, IMinMaxValue<TBits> =>
        MemoryMarshal.Cast<byte, TBits>(written).ToArray()
            .Select(ulong.CreateTruncating)
            .Where(bits => (bits & (ulong.CreateTruncating(TBits.MaxValue) >> 1)) > infinity)
            .Distinct();
}
