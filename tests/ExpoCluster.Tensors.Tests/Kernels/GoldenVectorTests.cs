using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Tensors.Tests.Kernels;

/// <summary>Compares with what PyTorch computed, bit for bit; NaN only as NaN.</summary>
public sealed class GoldenVectorTests
{
    public static readonly TheoryData<string, double, VectorWidth> Exact = Combine(
        "expo_bf16", "expo_bf16_f32", "expo_bf16_f64", "expo_f16", "expo_f32", "expo_f32_bf16", "expo_f64");

    public static readonly TheoryData<string, double, VectorWidth> Official = Combine("expo_bf16");

    [Theory]
    [MemberData(nameof(Exact))]
    public void Exact_numerics_give_PyTorchs_float32_result_rounded_once(string name, double alpha, VectorWidth width)
    {
        var golden = new GoldenFile($"golden/{name}.safetensors");

        AssertSameNumbers(
            golden.Tensor($"out_alpha_{Text(alpha)}"), golden.Merge(Numerics.Exact, alpha, width), golden.Dtype("aligned"));
    }

    [Theory]
    [MemberData(nameof(Official))]
    public void Official_numerics_give_the_papers_stepwise_BF16_result(string name, double alpha, VectorWidth width)
    {
        var golden = new GoldenFile($"golden/{name}.safetensors");

        AssertSameNumbers(
            golden.Tensor($"out_stepwise_alpha_{Text(alpha)}"), golden.Merge(Numerics.Official, alpha, width), Dtype.BF16);
    }

    [Theory]
    [InlineData(VectorWidth.Scalar)]
    [InlineData(VectorWidth.Bits128)]
    [InlineData(VectorWidth.Bits256)]
    [InlineData(VectorWidth.Bits512)]
    public void A_real_network_merges_to_the_bytes_that_PyTorch_wrote(VectorWidth width)
    {
        var aligned = new GoldenFile("real/mnist-b/model.safetensors");
        var sft = new GoldenFile("real/mnist-a/model.safetensors");
        var merged = new GoldenFile("golden/mnist/model.safetensors");
        var kernel = ExpoPipeline.For(Dtype.F32, Dtype.F32, Dtype.F32, Numerics.Exact, alpha: 0.3, width);

        foreach (string name in aligned.Names.Where(name => aligned.Dtype(name) == Dtype.F32))
        {
            byte[] output = new byte[aligned.Tensor(name).Length];
            kernel.Run(aligned.Tensor(name), sft.Tensor(name), output);
            Assert.True(merged.Tensor(name).SequenceEqual(output), name);
        }
    }

    private static TheoryData<string, double, VectorWidth> Combine(params string[] names)
    {
        var data = new TheoryData<string, double, VectorWidth>();
        foreach (string name in names)
        {
            foreach (double alpha in (double[])[0.1, 0.3, 0.5, 1.0, -0.5])
            {
                foreach (VectorWidth width in Enum.GetValues<VectorWidth>())
                {
                    data.Add(name, alpha, width);
                }
            }
        }

        return data;
    }

    private static string Text(double alpha) => alpha.ToString("0.0", CultureInfo.InvariantCulture);

    private static void AssertSameNumbers(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, Dtype dtype)
    {
        switch (dtype)
        {
            case Dtype.BF16:
                AssertSameNumbers(expected, actual, (ushort bits) => (bits & 0x7FFF) > 0x7F80);
                break;
            case Dtype.F16:
                AssertSameNumbers(expected, actual, (ushort bits) => (bits & 0x7FFF) > 0x7C00);
                break;
            case Dtype.F32:
                AssertSameNumbers(expected, actual, (uint bits) => (bits & 0x7FFF_FFFF) > 0x7F80_0000);
                break;
            default:
                AssertSameNumbers(expected, actual, (ulong bits) => (bits & 0x7FFF_FFFF_FFFF_FFFF) > 0x7FF0_0000_0000_0000);
                break;
        }
    }

    private static void AssertSameNumbers<TBits>(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual, Func<TBits, bool> isNaN)
        where TBits : unmanaged, IBinaryInteger<TBits>
    {
        ReadOnlySpan<TBits> expectedBits = MemoryMarshal.Cast<byte, TBits>(expected);
        ReadOnlySpan<TBits> actualBits = MemoryMarshal.Cast<byte, TBits>(actual);
        Assert.Equal(expectedBits.Length, actualBits.Length);
        Assert.NotEqual(0, expectedBits.Length);
        for (int i = 0; i < expectedBits.Length; i++)
        {
            bool same = expectedBits[i] == actualBits[i] || (isNaN(expectedBits[i]) && isNaN(actualBits[i]));
            Assert.True(same, $"element {i}: expected {expectedBits[i]:X}, got {actualBits[i]:X}");
        }
    }

    private sealed class GoldenFile(string name)
    {
        private readonly byte[] bytes = Fixture.Read(name);
        private readonly SafetensorsHeader header = SafetensorsHeader.ReadFrom(Fixture.PathOf(name));

        public IEnumerable<string> Names => header.Tensors.Select(tensor => tensor.Name);

        public Dtype Dtype(string tensor) => Entry(tensor).Dtype;

        public ReadOnlySpan<byte> Tensor(string tensor) =>
            bytes.AsSpan((int)(header.DataStart + Entry(tensor).Begin), (int)Entry(tensor).ByteCount);

        public byte[] Merge(Numerics numerics, double alpha, VectorWidth width)
        {
            byte[] output = new byte[Tensor("aligned").Length];
            ExpoPipeline.For(Dtype("aligned"), Dtype("sft"), Dtype("aligned"), numerics, alpha, width)
                .Run(Tensor("aligned"), Tensor("sft"), output);
            return output;
        }

        private SafetensorsTensor Entry(string tensor) => header.Tensors.Single(entry => entry.Name == tensor);
    }
}
