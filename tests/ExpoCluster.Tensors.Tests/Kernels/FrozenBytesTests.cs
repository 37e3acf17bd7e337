using System.Runtime.InteropServices;
using System.Security.Cryptography;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>The bytes of version 1 of ExPO's numerics, and the sums that journals hold, of every combination of dtypes: one digest for each numerics.</summary>
/// <remarks>The digests are those of the kernels of version 0.1, which were made for each combination of dtypes.</remarks>
public sealed class FrozenBytesTests
{
    private const int Elements = 10_007;

    private static readonly Dtype[] Dtypes = [Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64];

    public static TheoryData<Numerics, VectorWidth, string> Digests => new()
    {
        { Numerics.Exact, VectorWidth.Scalar, "0538c3016394006cfcb36accfb9294e7" },
        { Numerics.Exact, VectorWidth.Bits128, "0538c3016394006cfcb36accfb9294e7" },
        { Numerics.Exact, VectorWidth.Bits256, "0538c3016394006cfcb36accfb9294e7" },
        { Numerics.Exact, VectorWidth.Bits512, "0538c3016394006cfcb36accfb9294e7" },
        { Numerics.Official, VectorWidth.Scalar, "d06583ae4c333705f9edd7000a8bf01a" },
        { Numerics.Official, VectorWidth.Bits256, "d06583ae4c333705f9edd7000a8bf01a" },
        { Numerics.Stochastic, VectorWidth.Scalar, "28ae3fd3364a0e268f26713f230e1312" },
        { Numerics.Stochastic, VectorWidth.Bits256, "28ae3fd3364a0e268f26713f230e1312" },
    };

    [Theory]
    [MemberData(nameof(Digests))]
    public void Outputs_of_all_dtypes_are_those_of_version_0_1(Numerics numerics, VectorWidth width, string digest)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((Dtype aligned, Dtype other, Dtype output) in Combinations(numerics))
        {
            byte[] merged = new byte[Elements * output.Bits() / 8];
            ExpoPipeline.For(aligned, other, output, numerics, 0.3, width).Run(Values(aligned, 1), Values(other, 2), merged, new ElementPosition(77, 5));
            hash.AppendData(merged);
        }

        Assert.Equal(digest, Convert.ToHexStringLower(hash.GetCurrentHash())[..32]);
    }

    [Fact]
    public void Sums_of_all_dtypes_are_those_of_version_0_1()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((Dtype aligned, Dtype other, Dtype output) in Combinations(Numerics.Exact))
        {
            foreach (bool isTame in new[] { true, false })
            {
                byte[] merged = new byte[Elements * output.Bits() / 8];
                byte[] first = Values(aligned, 1, isTame);
                byte[] second = Values(other, 2, isTame);
                DeltaSums sums = ExpoPipeline.For(aligned, other, output, Numerics.Exact, 0.3).Run(first, second, merged);
                Assert.Equal(sums, DeltaMeasure.For(aligned, other, output).Measure(first, second, merged));
                hash.AppendData(MemoryMarshal.AsBytes<double>(
                [
                    sums.Elements, sums.Changed, sums.Swallowed, sums.NaN, sums.Infinite, sums.Overflowed, sums.SquaredDelta, sums.SquaredAligned, sums.AppliedDelta, sums.MaxDelta,
                ]));
            }
        }

        Assert.Equal("6c4c501997c48198a422d76cad6b1665", Convert.ToHexStringLower(hash.GetCurrentHash())[..32]);
    }

    private static IEnumerable<(Dtype Aligned, Dtype Base, Dtype Output)> Combinations(Numerics numerics) =>
        from aligned in Dtypes
        from other in Dtypes
        from output in Dtypes
        where numerics == Numerics.Exact || (numerics == Numerics.Official ? output == Dtype.BF16 : output != Dtype.F16)
        select (aligned, other, output);

    // Weights with, every 61 elements, one of what is seldom: zeros, infinities, no number, and the smallest and largest that there are.
    private static byte[] Values(Dtype dtype, int seed, bool isTame = false)
    {
        double[] seldom = [0, -0.0, double.PositiveInfinity, double.NegativeInfinity, double.NaN, 1e-40, -6e-8, 65504, 3e38, -1e30];
        var random = new Random(seed);
        byte[] bytes = new byte[Elements * dtype.Bits() / 8];
        for (int i = 0; i < Elements; i++)
        {
            double value = (random.NextDouble() - 0.5) / 8;
            value = !isTame && i % 61 == seed ? seldom[random.Next(seldom.Length)] : value;
            Span<byte> at = bytes.AsSpan(i * dtype.Bits() / 8);
            switch (dtype)
            {
                case Dtype.BF16:
                    BitConverter.TryWriteBytes(at, (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16));
                    break;
                case Dtype.F16:
                    BitConverter.TryWriteBytes(at, (Half)value);
                    break;
                case Dtype.F32:
                    BitConverter.TryWriteBytes(at, (float)value);
                    break;
                default:
                    BitConverter.TryWriteBytes(at, value);
                    break;
            }
        }

        return bytes;
    }
}
