using System.Runtime.InteropServices;
using ExpoCluster.Tensors.Kernels.Elements;

namespace ExpoCluster.Tensors.Kernels;

/// <summary>An exact kernel whose float32 results are then rounded to BF16 at random.</summary>
internal sealed class StochasticKernel(ExpoKernel inSingle, int alignedBytes, int baseBytes) : ExpoKernel
{
    private const int RunElements = 1024;

    public override void Run(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, Span<byte> output, ElementPosition at)
    {
        Span<float> results = stackalloc float[RunElements];
        int count = output.Length / BF16Element.ByteCount;
        if (output.Length % BF16Element.ByteCount != 0 || aligned.Length != (long)count * alignedBytes || baseValues.Length != (long)count * baseBytes)
        {
            throw new ArgumentException("Aligned, base and output are not equally many elements.");
        }

        for (int done = 0; done < count;)
        {
            Span<float> run = results[..Math.Min(RunElements, count - done)];
            inSingle.Run(
                aligned.Slice(done * alignedBytes, run.Length * alignedBytes),
                baseValues.Slice(done * baseBytes, run.Length * baseBytes),
                MemoryMarshal.AsBytes(run),
                at);
            StochasticRounding.ToBF16(
                run, output.Slice(done * BF16Element.ByteCount, run.Length * BF16Element.ByteCount), at with { FirstElement = at.FirstElement + done });
            done += run.Length;
        }
    }
}
