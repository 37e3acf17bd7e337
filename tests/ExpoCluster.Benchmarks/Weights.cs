using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Benchmarks;

/// <summary>Elements as models have them: around nought, none of them NaN.</summary>
internal static class Weights
{
    public static void Fill(Dtype dtype, Span<byte> bytes, int seed)
    {
        var random = new Random(seed);
        float[] values = [.. Enumerable.Range(0, bytes.Length * 8 / dtype.Bits()).Select(_ => (random.NextSingle() - 0.5f) / 10)];
        ReadOnlySpan<byte> singles = MemoryMarshal.AsBytes(values.AsSpan());
        ElementCast.For(Dtype.F32, dtype).Run(singles, bytes);
    }
}
