using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;

namespace ExpoCluster.Tensors.Statistics;

/// <summary>Measures sources of other dtypes in float32, a block at a time: in the order, and so with the bits, of one traversal.</summary>
/// <param name="aligned">As stored.</param>
/// <param name="baseDtype">As stored.</param>
/// <param name="output">As written.</param>
/// <param name="inSingle">The measure of two float32 sources and this output.</param>
internal sealed class StretchDeltaMeasure(Dtype aligned, Dtype baseDtype, Dtype output, DeltaMeasure inSingle) : DeltaMeasure
{
    private readonly SourceStretch alignedStretch = new(aligned, Dtype.F32, BlockElements);
    private readonly SourceStretch baseStretch = new(baseDtype, Dtype.F32, BlockElements);
    private readonly int outputBytes = output.Bits() / 8;

    public override DeltaSums Measure(ReadOnlySpan<byte> alignedBytes, ReadOnlySpan<byte> baseValues, ReadOnlySpan<byte> outputValues)
    {
        int count = outputValues.Length / outputBytes;
        var sums = default(DeltaSums);
        for (int done = 0; done < count;)
        {
            int length = BlockLength(count - done);
            sums += inSingle.Measure(
                alignedStretch.Decode(alignedBytes, done, length),
                baseStretch.Decode(baseValues, done, length),
                outputValues.Slice(done * outputBytes, length * outputBytes));
            done += length;
        }

        return sums;
    }
}
