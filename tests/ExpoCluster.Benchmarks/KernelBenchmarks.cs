using BenchmarkDotNet.Attributes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Benchmarks;

/// <summary>One lane's kernel over 64 KiB of output, with inputs and output in the second cache, beside a plain copy of as many bytes of output.</summary>
/// <remarks>A copy touches two bytes for each of its output, a kernel of one dtype three.</remarks>
public class KernelBenchmarks
{
    private const int OutputBytes = 64 << 10;

    private byte[] aligned = [];
    private byte[] baseValues = [];
    private byte[] output = [];
    private byte[] copy = [];
    private ExpoKernel kernel = null!;

    /// <summary>Of aligned and of the output.</summary>
    [Params(Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)]
    public Dtype Aligned { get; set; }

    [Params(Dtype.BF16, Dtype.F16, Dtype.F32, Dtype.F64)]
    public Dtype Base { get; set; }

    [Params(VectorWidth.Scalar, VectorWidth.Bits128, VectorWidth.Bits256, VectorWidth.Bits512)]
    public VectorWidth Width { get; set; }

    [Params(Numerics.Exact, Numerics.Official)]
    public Numerics Numerics { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        Dtype outputDtype = Numerics == Numerics.Official ? Dtype.BF16 : Aligned;
        int elements = OutputBytes / (outputDtype.Bits() / 8);
        aligned = RandomBytes(1, elements * Aligned.Bits() / 8);
        baseValues = RandomBytes(2, elements * Base.Bits() / 8);
        copy = RandomBytes(3, OutputBytes);
        output = new byte[OutputBytes];
        kernel = ExpoKernel.For(Aligned, Base, outputDtype, Numerics, alpha: 0.3, Width);
    }

    [Benchmark(Baseline = true)]
    public void Copy() => copy.AsSpan().CopyTo(output);

    [Benchmark]
    public void Expo() => kernel.Run(aligned, baseValues, output);

    private static byte[] RandomBytes(int seed, int count)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
