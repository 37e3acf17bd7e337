using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Mapping;

namespace ExpoCluster.Core.Planning;

/// <summary>Whether a tensor that is copied, not computed, has the same bytes on both sides.</summary>
internal static class CopiedTensorComparison
{
    /// <summary>Beyond it, planning would no longer be a matter of headers.</summary>
    public const long MaxPlannedBytes = 1 << 20;

    private const int SpanBytes = 1 << 30;

    /// <exception cref="TensorFileException">A file is shorter than its header says.</exception>
    public static bool AreEqual(CheckpointShard alignedShard, CheckpointTensor aligned, CheckpointShard baseShard, CheckpointTensor other)
    {
        using MappedFile alignedFile = MappedFile.Open(alignedShard.Path, alignedShard.ByteLength);
        using MappedFile baseFile = MappedFile.Open(baseShard.Path, baseShard.ByteLength);
        for (long done = 0; done < aligned.ByteCount; done += SpanBytes)
        {
            int count = (int)Math.Min(SpanBytes, aligned.ByteCount - done);
            if (!alignedFile.Span(aligned.Offset + done, count).SequenceEqual(baseFile.Span(other.Offset + done, count)))
            {
                return false;
            }
        }

        return true;
    }
}
