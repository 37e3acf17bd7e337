using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>Made-up checkpoints of a real model's shape, to try things on.</summary>
public static class SampleCheckpoint
{
    /// <summary>Tensors with Llama's names whose bytes sum to about <paramref name="totalBytes"/>, from 1 MB to 100 GB.</summary>
    public static ImmutableArray<SampleTensor> LlamaLike(long totalBytes, Dtype dtype) => throw new NotImplementedException();

    /// <summary>Writes two loadable checkpoints, <c>base</c> and <c>aligned</c>, into <paramref name="directory"/>.</summary>
    /// <param name="directory">Created if it is missing.</param>
    /// <param name="tensors">In the order in which they are spread over files.</param>
    /// <param name="seed">The same seed gives the same bytes.</param>
    /// <param name="maxShardBytes">The largest file; more tensors go into further files with an index.</param>
    /// <param name="bytesWritten">Told how many bytes were written since it was last told, from any thread.</param>
    /// <exception cref="Checkpoints.CheckpointException">One of the two directories exists.</exception>
    public static void WritePair(
        string directory,
        ImmutableArray<SampleTensor> tensors,
        ulong seed,
        long maxShardBytes,
        Action<long>? bytesWritten = null) => throw new NotImplementedException();
}
