using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Parts;

/// <summary>Bytes of an input that a part reads.</summary>
/// <param name="Input">Index in the plan.</param>
/// <param name="Begin">Bytes from the start of the file.</param>
/// <param name="End">Behind the last of them.</param>
internal readonly record struct InputSlice(int Input, long Begin, long End)
{
    public bool IsEmpty => Begin >= End;

    public long ByteCount => End - Begin;

    /// <summary>All that a part reads, tensor by tensor.</summary>
    /// <param name="order">The part.</param>
    /// <param name="file">Its layout.</param>
    public static IEnumerable<InputSlice> Of(PartOrder order, PlannedFile file)
    {
        long begin = Math.Max(0, order.Part.Begin - file.Header.Length);
        long end = order.Part.End - file.Header.Length;
        for (int index = file.FirstTensorBehind(begin); index < file.Tensors.Length && file.Tensors[index].Entry.Begin < end; index++)
        {
            PlannedTensor tensor = file.Tensors[index];
            long from = Math.Max(0, begin - tensor.Entry.Begin);
            long to = Math.Min(tensor.Entry.ByteCount, end - tensor.Entry.Begin);
            yield return Of(tensor, tensor.Aligned, from, to);
            if (tensor.Base is { } source && Of(tensor, source, from, to).Until(source.Offset + tensor.BaseByteCount) is { IsEmpty: false } slice)
            {
                yield return slice;
            }
        }
    }

    /// <summary>Slices of one input with those joined between which no more than so many bytes lie.</summary>
    public static List<InputSlice> Join(IEnumerable<InputSlice> slices, long maxGapBytes)
    {
        var joined = new List<InputSlice>();
        foreach (InputSlice slice in slices.OrderBy(slice => slice.Begin))
        {
            if (joined.Count > 0 && slice.Begin <= joined[^1].End + maxGapBytes)
            {
                joined[^1] = joined[^1] with { End = Math.Max(joined[^1].End, slice.End) };
            }
            else
            {
                joined.Add(slice);
            }
        }

        return joined;
    }

    // An element that the part's end cuts is read whole. Dtypes of less than a byte are copied, byte by byte.
    private static InputSlice Of(PlannedTensor tensor, TensorSource source, long from, long to)
    {
        int size = tensor.Entry.Dtype.Bits() / 8;
        if (size == 0 || source.Dtype == tensor.Entry.Dtype)
        {
            size = Math.Max(1, size);
            return new InputSlice(source.Input, source.Offset + (from / size * size), source.Offset + ((to + size - 1) / size * size));
        }

        int sourceSize = source.Dtype.Bits() / 8;
        return new InputSlice(
            source.Input, source.Offset + (from / size * sourceSize), source.Offset + ((to + size - 1) / size * sourceSize));
    }

    // Base may have fewer rows than aligned.
    private InputSlice Until(long end) => this with { End = Math.Min(End, end) };
}
