using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Parts;

/// <summary>
/// What one part reads from the Hub. All that it needs of a file in one piece comes through one request, in its order, as the tiles
/// ask for it.
/// </summary>
internal sealed class RemoteReads : IDisposable
{
    /// <summary>Bytes that are rather read and dropped than made a reason for another request.</summary>
    internal const int MaxGapBytes = 64 << 10;

    private const int LeaseCheckMilliseconds = 200;

    private readonly PartOrder order;
    private readonly CancellationTokenSource revoked = new();
    private readonly Dictionary<int, RemoteRun[]> runs;

    public RemoteReads(PartOrder order, PlannedFile file)
    {
        this.order = order;
        runs = SlicesOf(order, file)
            .Where(slice => order.Inputs.IsRemote(slice.Input))
            .GroupBy(slice => slice.Input)
            .ToDictionary(slices => slices.Key, slices => RunsOf(order.Plan.Inputs[slices.Key], slices));
    }

    /// <summary>Fills the buffer with the bytes of an input from <paramref name="offset"/> on.</summary>
    /// <exception cref="HubException">They cannot be had.</exception>
    /// <exception cref="OperationCanceledException">The part's lease has ended while the network was waited for.</exception>
    public void Read(int input, long offset, Memory<byte> buffer)
    {
        RemoteRun run = runs[input].Last(run => run.Begin <= offset);
        Task reading = run.ReadAsync(order.Inputs.Hub, offset, buffer, revoked.Token).AsTask();
        while (!reading.IsCompleted)
        {
            if (!order.Lease.IsValid)
            {
                revoked.Cancel();
            }

            Task.WaitAny([reading], LeaseCheckMilliseconds);
        }

        reading.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        foreach (RemoteRun run in runs.Values.SelectMany(ofInput => ofInput))
        {
            run.Dispose();
        }

        revoked.Dispose();
    }

    private static RemoteRun[] RunsOf(PlanInput input, IEnumerable<Slice> slices)
    {
        var joined = new List<Slice>();
        foreach (Slice slice in slices.OrderBy(slice => slice.Begin))
        {
            if (joined.Count > 0 && slice.Begin <= joined[^1].End + MaxGapBytes)
            {
                joined[^1] = joined[^1] with { End = Math.Max(joined[^1].End, slice.End) };
            }
            else
            {
                joined.Add(slice);
            }
        }

        return [.. joined.Select(slice => new RemoteRun(HubFile.OfPlan(input.Path, input.ByteLength), slice.Begin, slice.End))];
    }

    private static IEnumerable<Slice> SlicesOf(PartOrder order, PlannedFile file)
    {
        long begin = Math.Max(0, order.Part.Begin - file.Header.Length);
        long end = order.Part.End - file.Header.Length;
        for (int index = file.FirstTensorBehind(begin); index < file.Tensors.Length && file.Tensors[index].Entry.Begin < end; index++)
        {
            PlannedTensor tensor = file.Tensors[index];
            long from = Math.Max(0, begin - tensor.Entry.Begin);
            long to = Math.Min(tensor.Entry.ByteCount, end - tensor.Entry.Begin);
            yield return SliceOf(tensor, tensor.Aligned, from, to);
            if (tensor.Base is { } source && SliceOf(tensor, source, from, to).Until(source.Offset + tensor.BaseByteCount) is { IsEmpty: false } slice)
            {
                yield return slice;
            }
        }
    }

    // An element that the part's end cuts is read whole. Dtypes of less than a byte are copied, byte by byte.
    private static Slice SliceOf(PlannedTensor tensor, TensorSource source, long from, long to)
    {
        int size = tensor.Entry.Dtype.Bits() / 8;
        if (size == 0 || source.Dtype == tensor.Entry.Dtype)
        {
            size = Math.Max(1, size);
            return new Slice(source.Input, source.Offset + (from / size * size), source.Offset + ((to + size - 1) / size * size));
        }

        int sourceSize = source.Dtype.Bits() / 8;
        return new Slice(
            source.Input, source.Offset + (from / size * sourceSize), source.Offset + ((to + size - 1) / size * sourceSize));
    }

    private readonly record struct Slice(int Input, long Begin, long End)
    {
        public bool IsEmpty => Begin >= End;

        /// <summary>Base may have fewer rows than aligned.</summary>
        public Slice Until(long end) => this with { End = Math.Min(End, end) };
    }
}
