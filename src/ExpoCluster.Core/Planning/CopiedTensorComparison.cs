using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;
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

    /// <param name="aligned">Of which one is.</param>
    /// <param name="alignedTensor">The one.</param>
    /// <param name="baseCheckpoint">Of which the other is.</param>
    /// <param name="baseTensor">The other, as long.</param>
    /// <param name="work">What is read is counted there.</param>
    /// <exception cref="TensorFileException">A file is shorter than its header says.</exception>
    public static bool AreEqual(Checkpoint aligned, CheckpointTensor alignedTensor, Checkpoint baseCheckpoint, CheckpointTensor baseTensor, PlanningWork work)
    {
        CheckpointShard alignedShard = aligned.Shards[alignedTensor.Shard];
        CheckpointShard baseShard = baseCheckpoint.Shards[baseTensor.Shard];
        if (alignedShard.IsRemote || baseShard.IsRemote)
        {
            using WeightsFile alignedBytes = work.Watched(aligned.Folder.OpenWeights(alignedShard.Name, aligned.EntryFileName));
            using WeightsFile baseBytes = work.Watched(baseCheckpoint.Folder.OpenWeights(baseShard.Name, baseCheckpoint.EntryFileName));
            return AreEqual(alignedBytes.Bytes, alignedTensor.Offset, baseBytes.Bytes, baseTensor.Offset, alignedTensor.ByteCount);
        }

        using MappedFile alignedFile = MappedFile.Open(alignedShard.Path, alignedShard.ByteLength);
        using MappedFile baseFile = MappedFile.Open(baseShard.Path, baseShard.ByteLength);
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
