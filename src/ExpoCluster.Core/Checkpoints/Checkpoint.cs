using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>A model on disk, read as far as its headers: which tensors there are and where their bytes lie.</summary>
public sealed class Checkpoint
{
    /// <summary>As the user wrote it.</summary>
    public string Reference => throw new NotImplementedException();

    /// <summary>The absolute directory that side files come from; null for a bare weights file, which has none.</summary>
    public string? Directory => throw new NotImplementedException();

    /// <summary>In the order of the index, which is the order of file names.</summary>
    public ImmutableArray<CheckpointShard> Shards => throw new NotImplementedException();

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors => throw new NotImplementedException();

    /// <summary>What a user may want to know though it is no error, one sentence each.</summary>
    public ImmutableArray<string> Notes => throw new NotImplementedException();

    /// <summary>Opens a directory or one weights file and checks every header against the index.</summary>
    /// <exception cref="CheckpointException">The checkpoint is missing or contradicts itself.</exception>
    /// <exception cref="Tensors.TensorFileException">A weights file breaks a rule of its format.</exception>
    public static Checkpoint Open(string reference) => throw new NotImplementedException();
}
