using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Benchmarks;

/// <summary>One lane's kernel over 64 KiB of output, with inputs and output in the second cache, beside a plain copy of as many bytes of output.</summary>
/// <remarks>A copy touches two bytes for each of its output, a kernel of one dtype three.</remarks>
public class KernelBenchmarks
{
    private const int OutputBytes = 64 << 10;

    // Apart by more than a page and less than two: copies between places that are equally far into a page are slow on some processors.
    private const int Distance = OutputBytes + 5120;

    private const int CacheLine = 64;

    private readonly byte[] memory = GC.AllocateArray<byte>(CacheLine + (6 * Distance), pinned: true);
    private int start;
    private ExpoPipeline kernel = null!;

    /// <summary>Of aligned and of the output.</summary>
    [Params(Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)]
    public Dtype Aligned { get; set; }

    [Params(Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)]
    public Dtype Base { get; set; }

    [Params(VectorWidth.Scalar, VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512)]
    public VectorWidth Width { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        start = (int)(CacheLine - (Marshal.UnsafeAddrOfPinnedArrayElement(memory, 0) % CacheLine));
        Weights.Fill(Aligned, Place(0, OutputBytes), seed: 1);
        Weights.Fill(Base, Place(1, BaseBytes), seed: 2);
        kernel = ExpoPipeline.For(Aligned, Base, Aligned, Numerics.Exact, alpha: 0.3, Width);
    }

    [Benchmark(Baseline = true)]
    public void Copy() => Place(0, OutputBytes).CopyTo(Place(5, OutputBytes));

    [Benchmark]
    public void Expo() => kernel.Run(Place(0, OutputBytes), Place(1, BaseBytes), Place(5, OutputBytes));

    private int BaseBytes => OutputBytes / Aligned.Bits() * Base.Bits();

    private Span<byte> Place(int index, int count) => memory.AsSpan(start + (index * Distance), count);
}
