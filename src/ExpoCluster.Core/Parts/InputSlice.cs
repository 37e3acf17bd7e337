using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Parts;

/// <summary>Bytes of an input that a part reads.</summary>
/// <param name="Input">Index in the plan.</param>
/// <param name="Begin">Bytes from the start of the file.</param>
/// <param name="End">Behind the last of them.</param>
internal readonly record struct InputSlice(int Input, long Begin, long End)
{
    // Read along rather than skipped: a disk is asked in pages anyhow.
    private const int ChainedGapBytes = 64 << 10;

    private const long SpreadBytes = 4 << 20;
    private const long MaxSpreadPieces = 256;

    public bool IsEmpty => Begin >= End;

    public long ByteCount => End - Begin;

    /// <summary>All that a part reads, one source after the other.</summary>
    /// <param name="order">The part.</param>
    /// <param name="file">Its layout.</param>
    public static IEnumerable<InputSlice> Of(PartOrder order, PlannedFile file) =>
        Enumerable.Range(0, order.Plan.MaxSources).SelectMany(source => Of(order, file, source));

    /// <summary>What a part reads of one source of its tensors, tensor by tensor as the tiles want them.</summary>
    /// <param name="order">The part.</param>
    /// <param name="file">Its layout.</param>
    /// <param name="index">Which of the tensors' sources.</param>
    public static IEnumerable<InputSlice> Of(PartOrder order, PlannedFile file, int index)
    {
        long begin = Math.Max(0, order.Part.Begin - file.Header.Length);
        long end = order.Part.End - file.Header.Length;
        for (int at = file.FirstTensorBehind(begin); at < file.Tensors.Length && file.Tensors[at].Entry.Begin < end; at++)
        {
            PlannedTensor tensor = file.Tensors[at];
            // What is gathered is read here and there.
            if (index < tensor.Sources.Length && !tensor.Sources[index].IsStrided)
            {
                long from = Math.Max(0, begin - tensor.Entry.Begin);
                long to = Math.Min(tensor.Entry.ByteCount, end - tensor.Entry.Begin);
                InputSlice slice = Of(tensor, tensor.Sources[index], from, to);
                if (!slice.IsEmpty)
                {
                    yield return slice;
                }
            }
        }
    }

    /// <summary>The slices in their order, those joined that follow each other in one input.</summary>
    public static List<InputSlice> Chain(IEnumerable<InputSlice> slices)
    {
        var runs = new List<InputSlice>();
        foreach (InputSlice slice in slices)
        {
            if (runs.Count > 0 && runs[^1].Input == slice.Input && slice.Begin >= runs[^1].End && slice.Begin <= runs[^1].End + ChainedGapBytes)
            {
                runs[^1] = runs[^1] with { End = slice.End };
            }
            else
            {
                runs.Add(slice);
            }
        }

        return runs;
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

    /// <summary>Pieces of a file from its beginning to its end: all of a small one, enough of a great one to judge it by.</summary>
    public static IEnumerable<InputSlice> Spread(int input, long byteLength)
    {
        long count = Math.Clamp(byteLength / SpreadBytes, 1, MaxSpreadPieces);
        for (long piece = 0; piece < count && byteLength > 0; piece++)
        {
            long begin = byteLength / count * piece;
            yield return new InputSlice(input, begin, Math.Min(byteLength, begin + SpreadBytes));
        }
    }

    // An element that the part's end cuts is read whole. Dtypes of less than a byte are copied, byte by byte.
    private static InputSlice Of(PlannedTensor tensor, TensorSource source, long from, long to)
    {
        int size = tensor.Entry.Dtype.Bits() / 8;
        if (size == 0 || source.Dtype == tensor.Entry.Dtype)
        {
            size = Math.Max(1, size);
            return Until(tensor, source, from / size * size, (to + size - 1) / size * size);
        }

        int sourceSize = source.Dtype.Bits() / 8;
        return Until(tensor, source, from / size * sourceSize, (to + size - 1) / size * sourceSize);
    }

    // A source may have fewer rows than the output.
    private static InputSlice Until(PlannedTensor tensor, TensorSource source, long begin, long end) =>
        new(source.Input, source.Offset + begin, source.Offset + Math.Min(end, tensor.ByteCountOf(source)));
}
