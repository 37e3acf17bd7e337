using System.IO.Hashing;
using BenchmarkDotNet.Attributes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Benchmarks;

/// <summary>What a lane does with the 64 Ki elements of a step while they are in cache: the formula, the statistics, the digest.</summary>
public class LaneBenchmarks
{
    private const int Elements = 64 << 10;

    private readonly XxHash128 hash = new();
    private byte[] aligned = [];
    private byte[] baseValues = [];
    private byte[] output = [];
    private ExpoPipeline exact = null!;
    private ExpoPipeline official = null!;
    private DeltaMeasure measure = null!;

    [Params(Dtype.BF16, Dtype.F16, Dtype.F32)]
    public Dtype Dtype { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        int bytes = Elements * Dtype.Bits() / 8;
        aligned = new byte[bytes];
        baseValues = new byte[bytes];
        output = new byte[bytes];
        Weights.Fill(Dtype, aligned, seed: 1);
        Weights.Fill(Dtype, baseValues, seed: 2);
        exact = ExpoPipeline.For(Dtype, Dtype, Dtype, Numerics.Exact, alpha: 0.3);
        official = ExpoPipeline.For(Dtype, Dtype, Dtype.BF16, Numerics.Official, alpha: 0.3);
        measure = DeltaMeasure.For(Dtype, Dtype, Dtype);
    }

    [Benchmark(Baseline = true)]
    public void Exact() => exact.Run(aligned, baseValues, output);

    [Benchmark]
    public void Official() => official.Run(aligned, baseValues, output.AsSpan(0, Elements * 2));

    [Benchmark]
    public DeltaSums Statistics() => measure.Measure(aligned, baseValues, output);

    [Benchmark]
    public void Digest() => hash.Append(output);
}
