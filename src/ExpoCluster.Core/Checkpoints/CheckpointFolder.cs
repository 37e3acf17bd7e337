using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Where the files of a checkpoint are, and how they are reached.</summary>
internal abstract class CheckpointFolder
{
    /// <summary>The directory whose side files go along; null where there is none on this machine.</summary>
    public abstract string? LocalDirectory { get; }

    /// <summary>Top-level files and directories, hidden ones left out.</summary>
    public abstract ImmutableSortedSet<string> FileNames { get; }

    /// <summary>How errors name one of the files.</summary>
    public abstract string PathOf(string fileName);

    /// <summary>The whole content of an index.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or is too large to be one.</exception>
    public abstract byte[] ReadIndex(string fileName);

    /// <param name="fileName">As the index spells it.</param>
    /// <param name="namedBy">The file that says that it is there, for the error if it is not.</param>
    /// <exception cref="CheckpointException">It is not there.</exception>
    public abstract WeightsFile OpenWeights(string fileName, string namedBy);
}
