using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Mapping;

namespace ExpoCluster.Core.Planning;

/// <summary>Whether a tensor that is copied, not computed, has the same bytes on both sides.</summary>
internal static class CopiedTensorComparison
{
    /// <summary>Beyond it, planning would no longer be a matter of headers.</summary>
    public const long MaxPlannedBytes = 1 << 20;

    // Between two of them somebody may say that nobody waits any more.
    private const int SpanBytes = 64 << 20;

    private const int RemoteSpanBytes = 1 << 20;

    // Of a view at the Hub: from its first element to its last.
    private const int MaxRemoteViewBytes = 4 << 20;

    private const int Places = 16;

    private const int SpanOfPlace = 64 << 10;

    /// <summary>Two tensors of one checkpoint have the same bytes. Of large ones a few places are looked at: what is no copy differs in all of them.</summary>
    /// <param name="checkpoint">Of which both are.</param>
    /// <param name="one">The one.</param>
    /// <param name="other">The other.</param>
    /// <param name="work">What is read is counted there.</param>
    public static bool AreCopies(Checkpoint checkpoint, CheckpointTensor one, CheckpointTensor other, PlanningWork work) =>
        (one.Strides.IsDefault && other.Strides.IsDefault && one.Dtype == other.Dtype && one.Shape.SequenceEqual(other.Shape) && (one.Shard, one.Offset) == (other.Shard, other.Offset))
        || AreAlike(checkpoint, one, checkpoint, other, work);

    /// <summary>Tensors of two checkpoints have the same bytes, as far as a few places of large ones tell.</summary>
    /// <param name="checkpoint">Of which the one is.</param>
    /// <param name="one">The one.</param>
    /// <param name="otherCheckpoint">Of which the other is.</param>
    /// <param name="other">The other.</param>
    /// <param name="work">What is read is counted there.</param>
    public static bool AreAlike(Checkpoint checkpoint, CheckpointTensor one, Checkpoint otherCheckpoint, CheckpointTensor other, PlanningWork work)
    {
        if (one.Dtype != other.Dtype || !one.Shape.SequenceEqual(other.Shape))
        {
            return false;
        }

        if (!one.Strides.IsDefault || !other.Strides.IsDefault || one.ByteCount <= MaxPlannedBytes)
        {
            return AreEqual(checkpoint, one, otherCheckpoint, other, work) is true;
        }

        using WeightsFile oneBytes = work.Watched(checkpoint.Folder.OpenWeights(checkpoint.Shards[one.Shard].Name, checkpoint.EntryFileName));
        using WeightsFile otherBytes = work.Watched(otherCheckpoint.Folder.OpenWeights(otherCheckpoint.Shards[other.Shard].Name, otherCheckpoint.EntryFileName));
        return Enumerable.Range(0, Places).Select(place => (one.ByteCount - SpanOfPlace) / (Places - 1) * place)
            .All(offset => AreEqual(oneBytes.Bytes, one.Offset + offset, otherBytes.Bytes, other.Offset + offset, SpanOfPlace));
    }

    /// <param name="aligned">Of which one is.</param>
    /// <param name="alignedTensor">The one.</param>
    /// <param name="baseCheckpoint">Of which the other is.</param>
    /// <param name="baseTensor">The other, as long.</param>
    /// <param name="work">What is read is counted there.</param>
    /// <returns>Null where that would take more than planning reads: a view of a file that is still at the Hub. It is compared when the file is here.</returns>
    /// <exception cref="TensorFileException">A file is shorter than its header says.</exception>
    public static bool? AreEqual(Checkpoint aligned, CheckpointTensor alignedTensor, Checkpoint baseCheckpoint, CheckpointTensor baseTensor, PlanningWork work)
    {
        CheckpointShard alignedShard = aligned.Shards[alignedTensor.Shard];
        CheckpointShard baseShard = baseCheckpoint.Shards[baseTensor.Shard];
        if (alignedShard.IsRemote || baseShard.IsRemote)
        {
            using WeightsFile alignedBytes = work.Watched(aligned.Folder.OpenWeights(alignedShard.Name, aligned.EntryFileName));
            using WeightsFile baseBytes = work.Watched(baseCheckpoint.Folder.OpenWeights(baseShard.Name, baseCheckpoint.EntryFileName));
            return AreEqual(alignedBytes.Bytes, alignedTensor, baseBytes.Bytes, baseTensor);
        }

        using MappedFile alignedFile = MappedFile.Open(alignedShard.Path, alignedShard.ByteLength);
        using MappedFile baseFile = MappedFile.Open(baseShard.Path, baseShard.ByteLength);
        if (!alignedTensor.Strides.IsDefault || !baseTensor.Strides.IsDefault)
        {
            return Elements(alignedFile, alignedTensor, work).SequenceEqual(Elements(baseFile, baseTensor, work));
        }

        for (long done = 0; done < alignedTensor.ByteCount; done += SpanBytes)
        {
            work.Continue();
            int count = (int)Math.Min(SpanBytes, alignedTensor.ByteCount - done);
            if (!alignedFile.Span(alignedTensor.Offset + done, count).SequenceEqual(baseFile.Span(baseTensor.Offset + done, count)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A small tensor of floating-point numbers has an infinity, or NaN, among them.</summary>
    /// <returns>False for what is too large to be looked at before work, or a view.</returns>
    public static bool HoldsNonFinite(Checkpoint checkpoint, CheckpointTensor tensor, PlanningWork work)
    {
        (int width, ulong exponent) = tensor.Dtype switch
        {
            Dtype.F16 => (2, 0x7C00UL),
            Dtype.BF16 => (2, 0x7F80UL),
            Dtype.F32 => (4, 0x7F80_0000UL),
            Dtype.F64 => (8, 0x7FF0_0000_0000_0000UL),
            _ => (0, 0UL),
        };
        if (width == 0 || tensor.ByteCount > MaxPlannedBytes || !tensor.Strides.IsDefault)
        {
            return false;
        }

        byte[] bytes = new byte[tensor.ByteCount];
        using WeightsFile file = work.Watched(checkpoint.Folder.OpenWeights(checkpoint.Shards[tensor.Shard].Name, checkpoint.EntryFileName));
        file.Bytes.ReadExactly(bytes, tensor.Offset);
        return Enumerable.Range(0, bytes.Length / width).Any(at => (Bits(bytes.AsSpan(at * width, width)) & exponent) == exponent);
    }

    /// <summary>The same of files that are read at a distance.</summary>
    internal static bool? AreEqual(ByteSource aligned, CheckpointTensor alignedTensor, ByteSource other, CheckpointTensor otherTensor)
    {
        if (alignedTensor.Strides.IsDefault && otherTensor.Strides.IsDefault)
        {
            return AreEqual(aligned, alignedTensor.Offset, other, otherTensor.Offset, alignedTensor.ByteCount);
        }

        return Collect(aligned, alignedTensor) is { } one && Collect(other, otherTensor) is { } two ? one.AsSpan().SequenceEqual(two) : null;
    }

    // A view's elements in row-major order, out of all that lies between the first and the last; null where that is too much.
    private static byte[]? Collect(ByteSource source, CheckpointTensor tensor)
    {
        int size = tensor.Dtype.Bits() / 8;
        bool isView = !tensor.Strides.IsDefault;
        var view = new StridedView(tensor.Shape, isView ? tensor.Strides : []);
        Int128 stretch = isView ? view.Span * size : tensor.ByteCount;
        if (stretch > MaxRemoteViewBytes || tensor.ByteCount > MaxRemoteViewBytes)
        {
            return null;
        }

        byte[] bytes = new byte[(int)stretch];
        source.ReadExactly(bytes, tensor.Offset);
        if (!isView)
        {
            return bytes;
        }

        byte[] elements = new byte[tensor.ByteCount];
        int at = 0;
        foreach (StridedRun run in view.Runs(0, tensor.ByteCount / size))
        {
            for (long i = 0; i < run.Count; i++, at += size)
            {
                bytes.AsSpan((int)((run.Offset + (i * run.Stride)) * size), size).CopyTo(elements.AsSpan(at));
            }
        }

        return elements;
    }

    // One by one; integers that are views are few and small.
    private static IEnumerable<ulong> Elements(MappedFile file, CheckpointTensor tensor, PlanningWork work)
    {
        int size = tensor.Dtype.Bits() / 8;
        if (tensor.Strides.IsDefault)
        {
            for (long i = 0; i < tensor.ByteCount / size; i++)
            {
                yield return Bits(file.Span(tensor.Offset + (i * size), size));
            }

            yield break;
        }

        foreach (StridedRun run in new StridedView(tensor.Shape, tensor.Strides).Runs(0, tensor.ByteCount / size))
        {
            work.Continue();
            for (long i = 0; i < run.Count; i++)
            {
                yield return Bits(file.Span(tensor.Offset + ((run.Offset + (i * run.Stride)) * size), size));
            }
        }
    }

    private static ulong Bits(ReadOnlySpan<byte> element)
    {
        Span<byte> padded = stackalloc byte[sizeof(ulong)];
        padded.Clear();
        element.CopyTo(padded);
        return BitConverter.ToUInt64(padded);
    }

    private static bool AreEqual(ByteSource aligned, long alignedOffset, ByteSource other, long otherOffset, long byteCount)
    {
        byte[] one = new byte[Math.Min(byteCount, RemoteSpanBytes)];
        byte[] two = new byte[one.Length];
        for (long done = 0; done < byteCount; done += RemoteSpanBytes)
        {
            int count = (int)Math.Min(RemoteSpanBytes, byteCount - done);
            aligned.ReadExactly(one.AsSpan(0, count), alignedOffset + done);
            other.ReadExactly(two.AsSpan(0, count), otherOffset + done);
            if (!one.AsSpan(0, count).SequenceEqual(two.AsSpan(0, count)))
            {
                return false;
            }
        }

        return true;
    }
}
