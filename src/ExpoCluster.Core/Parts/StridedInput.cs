using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Parts;

/// <summary>Gathers elements that do not lie in their order in the file: from the mapping, or from pages that are read and kept for a while.</summary>
internal sealed class StridedInput
{
    private const int PageBytes = 4096;

    /// <summary>Pages that are kept: of a transposed matrix each row touches as many as it has columns.</summary>
    private const int MaxPages = 8192;

    /// <summary>A run of the mapping that is longer is taken in pieces.</summary>
    private const long MaxWindowBytes = 1 << 30;

    private readonly byte[] buffer = GC.AllocateUninitializedArray<byte>(PartExecutor.TileBytes + 32);
    private readonly Dictionary<long, byte[]> pages = [];
    private readonly Queue<long> oldest = new();
    private PartOrder? pagesOf;
    private int pagesInput;

    /// <summary>Bytes of the tensor as if it lay in row-major order, valid until the next call.</summary>
    /// <param name="order">The part.</param>
    /// <param name="tensor">What is read.</param>
    /// <param name="source">Which of its sources.</param>
    /// <param name="from">The first byte that is wanted.</param>
    /// <param name="count">No more than a tile.</param>
    public ReadOnlySpan<byte> Read(PartOrder order, PlannedTensor tensor, TensorSource source, long from, int count)
    {
        if (order.Inputs.IsRemote(source.Input))
        {
            throw StridedOnHub(order.Plan.Inputs[source.Input], tensor.Entry.Name);
        }

        int size = source.Dtype.Bits() / 8;
        long first = from / size;
        long elements = ((from + count + size - 1) / size) - first;
        int at = 0;
        // A source may have other rows than the output, never other columns.
        foreach (StridedRun run in new StridedView(tensor.Entry.Shape, source.Strides).Runs(first, elements))
        {
            at += order.Mode == ReadMode.Positioned
                ? Collect(order, tensor, source, run, size, buffer.AsSpan(at))
                : Copy(order, tensor, source, run, size, buffer.AsSpan(at));
        }

        return buffer.AsSpan((int)(from - (first * size)), count);
    }

    /// <summary>Throws where a view would have to be read straight from the Hub: known before any work.</summary>
    /// <exception cref="TensorFileException">It is so.</exception>
    public static void DemandLocal(Plan plan)
    {
        foreach (PlannedTensor tensor in plan.Layout.SelectMany(file => file.Tensors))
        {
            if (tensor.Sources.FirstOrDefault(source => source is { IsStrided: true } && plan.Inputs[source.Input].IsRemote) is { } view)
            {
                throw StridedOnHub(plan.Inputs[view.Input], tensor.Entry.Name);
            }
        }
    }

    /// <summary>A view cannot be streamed, for its bytes do not come in the order in which they are wanted.</summary>
    public static TensorFileException StridedOnHub(PlanInput input, string tensor) => new(
        PlanningException.StridedOnHub,
        input.Path,
        "a transposed or sliced view cannot be read straight from the Hub",
        "run the merge without --no-cache, so that the file is downloaded first.",
        tensor);

    private static int Copy(PartOrder order, PlannedTensor tensor, TensorSource source, StridedRun run, int size, Span<byte> to)
    {
        long step = run.Stride * size;
        int piece = (int)Math.Min(run.Count, Math.Max(1, MaxWindowBytes / Math.Max(1, step)));
        for (long done = 0; done < run.Count; done += piece)
        {
            int count = (int)Math.Min(piece, run.Count - done);
            long offset = source.Offset + ((run.Offset + (done * run.Stride)) * size);
            int window = (int)(((count - 1) * step) + size);
            ReadOnlySpan<byte> bytes = order.Inputs.Read(source.Input, offset, [], window, ReadMode.Mapped, tensor.Entry.Name);
            Spread(bytes, (int)step, size, count, to[(int)(done * size)..]);
        }

        return (int)(run.Count * size);
    }

    private static void Spread(ReadOnlySpan<byte> bytes, int step, int size, int count, Span<byte> to)
    {
        if (step == size)
        {
            bytes.CopyTo(to);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            bytes.Slice(i * step, size).CopyTo(to[(i * size)..]);
        }
    }

    private int Collect(PartOrder order, PlannedTensor tensor, TensorSource source, StridedRun run, int size, Span<byte> to)
    {
        if (pagesOf != order || pagesInput != source.Input)
        {
            // Another part may see another file.
            pages.Clear();
            oldest.Clear();
            (pagesOf, pagesInput) = (order, source.Input);
        }

        for (int i = 0; i < run.Count; i++)
        {
            long offset = source.Offset + ((run.Offset + (i * run.Stride)) * size);
            for (int copied = 0; copied < size;)
            {
                (long page, long within) = Math.DivRem(offset + copied, PageBytes);
                int count = (int)Math.Min(size - copied, PageBytes - within);
                PageOf(order, source.Input, page, tensor.Entry.Name).AsSpan((int)within, count).CopyTo(to[((i * size) + copied)..]);
                copied += count;
            }
        }

        return (int)(run.Count * size);
    }

    private byte[] PageOf(PartOrder order, int input, long page, string tensor)
    {
        if (pages.TryGetValue(page, out byte[]? known))
        {
            return known;
        }

        byte[] fresh = pages.Count < MaxPages ? new byte[PageBytes] : Oldest();
        long offset = page * PageBytes;
        int count = (int)Math.Min(PageBytes, order.Plan.Inputs[input].ByteLength - offset);
        order.Inputs.Read(input, offset, fresh, count, ReadMode.Positioned, tensor);
        pages[page] = fresh;
        oldest.Enqueue(page);
        return fresh;
    }

    private byte[] Oldest()
    {
        pages.Remove(oldest.Dequeue(), out byte[]? page);
        return page!;
    }
}
