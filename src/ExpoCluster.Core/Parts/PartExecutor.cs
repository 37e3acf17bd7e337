using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Parts;

/// <summary>Computes parts, one at a time: fills a tile, measures it, writes it, digests it, and goes on. One for each lane.</summary>
/// <remarks>
/// Inputs are read once, whatever number of files the part goes into. The memory of a lane is its buffers, whatever the
/// model's size; nothing is allocated for a tile or a tensor.
/// </remarks>
/// <param name="rate">Null for no limit.</param>
/// <param name="width">The kernels' code path; null for the widest.</param>
public sealed class PartExecutor(RateLimit? rate, VectorWidth? width = null) : IDisposable
{
    /// <summary>Bytes of output computed between two writes; a divisor of the block size.</summary>
    public const int TileBytes = 1 << 20;

    private const int MaxElementBytes = 8;

    // Few enough that inputs and output are still in cache when they are measured.
    private const int StepElements = 64 << 10;

    private readonly List<LaneInput> inputs = [];
    private readonly List<TargetTile> tiles = [];
    private readonly Dictionary<(Dtype Aligned, Dtype Base, Dtype Output, Numerics Numerics, double Alpha), ExpoPipeline> pipelines = [];
    private readonly Dictionary<(Dtype First, Dtype Output), ElementCast> casts = [];
    private readonly HashSet<int> checkedInputs = [];
    private PartOrder order = null!;
    private TileWriter? writer;
    private RemoteReads? remote;
    private long bytesRead;

    /// <summary>Bytes of all buffers of one lane.</summary>
    /// <param name="targets">Files that it writes at once.</param>
    /// <param name="sources">The most sources of a tensor.</param>
    public static long LaneBytes(int targets, int sources) => (sources * LaneInput.ByteCount) + (2L * targets * TileBytes);

    /// <summary>Computes one part into its staging files. The bytes are not durable yet.</summary>
    /// <param name="partOrder">What to compute.</param>
    /// <param name="outputs">One for each target; none to measure only.</param>
    public PartOutcome Execute(PartOrder partOrder, IReadOnlyList<StagingFile> outputs)
    {
        try
        {
            return Run(partOrder, outputs);
        }
        catch (OperationCanceledException) when (!partOrder.Lease.IsValid)
        {
            // It was waiting for the network.
            return new PartOutcome.Abandoned();
        }
        finally
        {
            // Whoever closes the files must not meet a write.
            writer?.Settle();
            inputs.ForEach(input => input.End());
            remote?.Dispose();
            remote = null;
        }
    }

    private PartOutcome Run(PartOrder partOrder, IReadOnlyList<StagingFile> outputs)
    {
        Begin(partOrder, outputs);
        CheckInputs();
        for (int source = 0; source < order.Plan.MaxSources; source++)
        {
            inputs[source].ReadAhead(InputSlice.Of(order, Layout, source));
        }

        for (long offset = order.Part.Begin; offset < order.Part.End;)
        {
            int count = (int)Math.Min(TileBytes, order.Part.End - offset);
            FillTiles(offset, count);
            rate?.Wait((long)count * order.Targets.Length, order.Lease);
            if (!order.Lease.IsValid)
            {
                return new PartOutcome.Abandoned();
            }

            WriteTiles(outputs.Count > 0 ? writer : null, offset, count);
            offset += count;
        }

        if (outputs.Count > 0 && !writer!.Finish())
        {
            return new PartOutcome.Abandoned();
        }

        // What was read is what was planned only if it was so before and after.
        CheckInputs();

        return new PartOutcome.Computed([.. tiles.Take(order.Targets.Length).Select(tile => tile.Finish())], bytesRead);
    }

    public void Dispose()
    {
        writer?.Dispose();
        inputs.ForEach(input => input.Dispose());
    }

    private void WriteTiles(TileWriter? to, long offset, int count)
    {
        ReadOnlySpan<TargetTile> filled = Tiles;
        for (int target = 0; target < filled.Length; target++)
        {
            filled[target].Write(to, offset, count, target == filled.Length - 1 ? count : 0);
        }

        if (to is null)
        {
            order.Lease.Advance(count);
        }
    }

    private ReadOnlySpan<TargetTile> Tiles => CollectionsMarshal.AsSpan(tiles)[..order.Targets.Length];

    /// <summary>The content of the first target from <paramref name="offset"/> on, computed and not written.</summary>
    internal void Fill(PartOrder partOrder, long offset, Span<byte> bytes)
    {
        Begin(partOrder, []);
        for (int done = 0; done < bytes.Length;)
        {
            int count = Math.Min(TileBytes, bytes.Length - done);
            FillTiles(offset + done, count);
            tiles[0].Bytes[..count].CopyTo(bytes[done..]);
            done += count;
        }
    }

    private void Begin(PartOrder partOrder, IReadOnlyList<StagingFile> outputs)
    {
        order = partOrder;
        for (int source = 0; source < order.Plan.MaxSources; source++)
        {
            if (source == inputs.Count)
            {
                inputs.Add(new LaneInput());
            }

            inputs[source].Begin(order);
        }

        bytesRead = 0;
        if (outputs.Count > 0)
        {
            writer ??= new TileWriter();
            writer.Begin(order.Lease);
        }

        remote = order.Inputs.HasRemote ? new RemoteReads(order, Layout) : null;
        for (int target = 0; target < order.Targets.Length; target++)
        {
            if (target == tiles.Count)
            {
                tiles.Add(new TargetTile());
            }

            PartRange range = order.Part with { File = order.Targets[target].File };
            tiles[target].Begin(order.Targets[target], range, target < outputs.Count ? outputs[target] : null);
        }
    }

    // All targets have the same tensors at the same offsets.
    private PlannedFile Layout => order.Plan.Files[order.Targets[0].File];

    private void CheckInputs()
    {
        checkedInputs.Clear();
        PlannedFile file = Layout;
        long begin = order.Part.Begin - file.Header.Length;
        long end = order.Part.End - file.Header.Length;
        for (int index = file.FirstTensorBehind(begin); index < file.Tensors.Length && file.Tensors[index].Entry.Begin < end; index++)
        {
            foreach (TensorSource source in file.Tensors[index].Sources)
            {
                if (checkedInputs.Add(source.Input))
                {
                    order.Inputs.CheckUnchanged(source.Input);
                }
            }
        }
    }

    /// <summary>Fills the first <paramref name="count"/> bytes of every tile with the files' content from <paramref name="offset"/> on.</summary>
    private void FillTiles(long offset, int count)
    {
        PlannedFile file = Layout;
        int filled = 0;
        if (offset < file.Header.Length)
        {
            filled = (int)Math.Min(file.Header.Length - offset, count);
            foreach (TargetTile tile in Tiles)
            {
                file.Header.AsSpan((int)offset, filled).CopyTo(tile.Bytes);
            }
        }

        for (int index = file.FirstTensorBehind(offset + filled - file.Header.Length); filled < count; index++)
        {
            PlannedTensor tensor = file.Tensors[index];
            long from = offset + filled - file.Header.Length - tensor.Entry.Begin;
            int length = (int)Math.Min(tensor.Entry.ByteCount - from, count - filled);
            FillTensor(index, from, filled, length);
            filled += length;
        }
    }

    /// <param name="index">Of the tensor in the file.</param>
    /// <param name="from">The first byte of the tensor that is wanted.</param>
    /// <param name="at">Where in the tiles it goes.</param>
    /// <param name="count">Bytes.</param>
    private void FillTensor(int index, long from, int at, int count)
    {
        PlannedTensor tensor = Layout.Tensors[index];
        int merged = (int)Math.Clamp(tensor.MergedByteCount - from, 0, count);
        if (merged > 0)
        {
            FillElements(index, tensor, from, at, merged);
        }

        if (merged < count)
        {
            CopyOrCast(index, tensor, from + merged, at + merged, count - merged);
        }
    }

    // Rows that only the first source has may have to go into another dtype together with the computed ones.
    private void CopyOrCast(int index, PlannedTensor tensor, long from, int at, int count)
    {
        if (tensor.Entry.Dtype == tensor.Sources[0].Dtype)
        {
            Copy(tensor, from, at, count);
        }
        else
        {
            FillElements(index, tensor, from, at, count);
        }
    }

    private void Copy(PlannedTensor tensor, long from, int at, int count)
    {
        ReadOnlySpan<byte> bytes = Read(tensor, 0, from, count);
        for (int other = 1; other < tensor.Sources.Length && tensor.Rule == TensorRule.CopyEqual; other++)
        {
            if (!bytes.SequenceEqual(Read(tensor, other, from, count)))
            {
                throw new PlanningException([PlanProblem.CopiedTensorDiffers(tensor.Entry.Name, tensor.Entry.Dtype, tensor.Entry.Shape)]);
            }
        }

        foreach (TargetTile tile in Tiles)
        {
            bytes.CopyTo(tile.Bytes[at..]);
        }
    }

    // A range may begin or end inside an element: then the whole element is computed, by both neighbours, and cut. It counts where
    // it begins.
    private void FillElements(int index, PlannedTensor tensor, long from, int at, int count)
    {
        int size = tensor.Entry.Dtype.Bits() / 8;
        int cut = (int)(from % size);
        if (cut != 0)
        {
            int length = Math.Min(size - cut, count);
            FillCut(index, tensor, from / size, cut, at, length, counts: false);
            at += length;
            count -= length;
            from += length;
        }

        int whole = count / size;
        FillWholeElements(index, tensor, from / size, at, whole);
        int rest = count - (whole * size);
        if (rest > 0)
        {
            FillCut(index, tensor, (from / size) + whole, cut: 0, at + (whole * size), rest, counts: true);
        }
    }

    private void FillWholeElements(int index, PlannedTensor tensor, long firstElement, int at, int count)
    {
        int size = tensor.Entry.Dtype.Bits() / 8;
        while (count > 0)
        {
            int step = Math.Min(count, StepElements);
            Elements elements = ReadElements(tensor, firstElement, step);
            for (int target = 0; target < order.Targets.Length; target++)
            {
                Compute(target, index, elements, tiles[target].Bytes.Slice(at, step * size), counts: true);
            }

            firstElement += step;
            at += step * size;
            count -= step;
        }
    }

    private void FillCut(int index, PlannedTensor tensor, long elementIndex, int cut, int at, int length, bool counts)
    {
        Elements element = ReadElements(tensor, elementIndex, 1);
        Span<byte> whole = stackalloc byte[MaxElementBytes];
        whole = whole[..(tensor.Entry.Dtype.Bits() / 8)];
        for (int target = 0; target < order.Targets.Length; target++)
        {
            Compute(target, index, element, whole, counts);
            whole.Slice(cut, length).CopyTo(tiles[target].Bytes[at..]);
        }
    }

    private void Compute(int target, int index, Elements elements, Span<byte> output, bool counts)
    {
        PlannedTensor tensor = order.Plan.Files[order.Targets[target].File].Tensors[index];
        if (elements.HaveNoBase)
        {
            CastFor(tensor).Run(elements.Aligned, output);
            return;
        }

        DeltaSums sums = PipelineFor(tensor).Run(elements.Aligned, elements.Base, output, elements.Position, counts);
        if (counts)
        {
            tiles[target].Count(index, sums);
        }
    }

    private Elements ReadElements(PlannedTensor tensor, long first, int count)
    {
        ReadOnlySpan<byte> aligned = ReadElements(tensor, 0, first, count);
        return first >= tensor.MergedElements
            ? new Elements(aligned)
            : new Elements(aligned, ReadElements(tensor, 1, first, count), new ElementPosition(RoundingKeyOf(tensor), first));
    }

    private ReadOnlySpan<byte> ReadElements(PlannedTensor tensor, int source, long first, int count)
    {
        int size = tensor.Sources[source].Dtype.Bits() / 8;
        return Read(tensor, source, first * size, count * size);
    }

    private ReadOnlySpan<byte> Read(PlannedTensor tensor, int index, long from, int count)
    {
        TensorSource source = tensor.Sources[index];
        LaneInput input = inputs[index];
        bytesRead += count;
        if (source.IsStrided)
        {
            return input.Gather(order, tensor, source, from, count);
        }

        if (order.Inputs.IsRemote(source.Input))
        {
            remote!.Read(source.Input, source.Offset + from, input.Buffer[..count]);
            return input.Buffer.Span[..count];
        }

        return input.Read(source.Input, source.Offset + from, count, tensor.Entry.Name);
    }

    // Only stochastic rounding asks for it.
    private ulong RoundingKeyOf(PlannedTensor tensor)
    {
        if (order.Plan.Numerics != Numerics.Stochastic)
        {
            return 0;
        }

        Span<byte> name = stackalloc byte[256];
        return Encoding.UTF8.TryGetBytes(tensor.Entry.Name, name, out int length)
            ? XxHash3.HashToUInt64(name[..length], order.Plan.Seed)
            : XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(tensor.Entry.Name), order.Plan.Seed);
    }

    private ExpoPipeline PipelineFor(PlannedTensor tensor)
    {
        var key = (tensor.Sources[0].Dtype, tensor.Sources[1].Dtype, tensor.Entry.Dtype, order.Plan.Numerics, Alpha: ExpoMethod.AlphaOf(tensor.Parameters));
        if (!pipelines.TryGetValue(key, out ExpoPipeline? pipeline))
        {
            pipeline = ExpoPipeline.For(key.Item1, key.Item2, key.Item3, key.Numerics, key.Alpha, width);
            pipelines[key] = pipeline;
        }

        return pipeline;
    }

    private ElementCast CastFor(PlannedTensor tensor)
    {
        var key = (tensor.Sources[0].Dtype, tensor.Entry.Dtype);
        if (!casts.TryGetValue(key, out ElementCast? cast))
        {
            cast = ElementCast.For(key.Item1, key.Item2, width);
            casts[key] = cast;
        }

        return cast;
    }

    /// <summary>A run of elements of both inputs, or of aligned alone.</summary>
    private readonly ref struct Elements(ReadOnlySpan<byte> aligned, ReadOnlySpan<byte> baseValues, ElementPosition position)
    {
        public Elements(ReadOnlySpan<byte> aligned)
            : this(aligned, [], default) => HaveNoBase = true;

        public ReadOnlySpan<byte> Aligned { get; } = aligned;

        public ReadOnlySpan<byte> Base { get; } = baseValues;

        public ElementPosition Position { get; } = position;

        public bool HaveNoBase { get; }
    }
}
