using BenchmarkDotNet.Attributes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Benchmarks;

/// <summary>One lane's kernel over a tile that stays in the cache, beside a plain copy of as many bytes of output.</summary>
public class KernelBenchmarks
{
    private const int OutputBytes = 64 << 10;

    private byte[] aligned = [];
    private byte[] baseValues = [];
    private byte[] output = [];
    private ExpoKernel kernel = null!;

    [Params(Dtype.BF16, Dtype.F16, Dtype.F32)]
    public Dtype Dtype { get; set; }

    [Params(VectorWidth.Scalar, VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512)]
    public VectorWidth Width { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        aligned = new byte[OutputBytes];
        baseValues = new byte[OutputBytes];
        output = new byte[OutputBytes];
        new Random(1).NextBytes(aligned);
        new Random(2).NextBytes(baseValues);
        kernel = ExpoKernel.For(Dtype, Dtype, Dtype, Numerics.Exact, alpha: 0.3, Width);
    }

    [Benchmark(Baseline = true)]
    public void Copy() => aligned.AsSpan().CopyTo(output);

    [Benchmark]
    public void Expo() => kernel.Run(aligned, baseValues, output);
}
