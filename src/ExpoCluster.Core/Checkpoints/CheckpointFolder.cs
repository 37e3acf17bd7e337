using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Where the files of a checkpoint are, and how they are reached.</summary>
internal abstract class CheckpointFolder
{
    /// <summary>The directory whose side files go along; null where there is none on this machine.</summary>
    public abstract string? LocalDirectory { get; }

    /// <summary>Where side files come from: <see cref="LocalDirectory"/>, or a commit of the Hub.</summary>
    public virtual string? SideFileDirectory => LocalDirectory;

    /// <summary>Paths of the side files where they are not all on this machine.</summary>
    public virtual ImmutableArray<string> RemoteSideFiles => [];

    /// <summary>Bytes of those.</summary>
    public virtual long RemoteSideFileBytes => 0;

    /// <summary>The reference that means exactly these files, whatever changes elsewhere; null where it is as the user wrote it.</summary>
    public virtual string? Reference => null;

    /// <summary>What a user may want to know of how the files were found.</summary>
    public virtual ImmutableArray<string> Notes => [];

    /// <summary>What a user may want to know of where the files lie that were opened, one sentence each.</summary>
    public virtual IEnumerable<string> NotesOn(string entryFileName, ImmutableArray<CheckpointShard> shards) => [];

    /// <summary>How many headers to read at once.</summary>
    public virtual int ReadsAtOnce => 1;

    /// <summary>False where one of its files was given as the reference: then nothing else in it counts.</summary>
    public virtual bool HoldsModel => true;

    /// <summary>Top-level files and directories, hidden ones left out.</summary>
    public abstract ImmutableSortedSet<string> FileNames { get; }

    /// <summary>The file is there and can be read.</summary>
    public virtual bool Has(string fileName) => FileNames.Contains(fileName);

    /// <summary>How errors name one of the files.</summary>
    public abstract string PathOf(string fileName);

    /// <summary>The whole content of an index.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or is too large to be one.</exception>
    public abstract byte[] ReadIndex(string fileName);

    /// <param name="fileName">As the index spells it.</param>
    /// <param name="namedBy">The file that says that it is there, for the error if it is not.</param>
    /// <exception cref="CheckpointException">It is not there.</exception>
    public abstract WeightsFile OpenWeights(string fileName, string namedBy);

    /// <summary>What a file beside the weights holds, where it is read to understand them.</summary>
    /// <param name="fileName">Of the file, in the folder itself.</param>
    /// <param name="maxBytes">What is larger is not read.</param>
    /// <returns>Null where there is none, or it cannot be read.</returns>
    public abstract byte[]? ReadBeside(string fileName, int maxBytes);

    /// <summary>A digest that tells a file's content from every other, where it is known without reading; null where it is not.</summary>
    public virtual string? DigestOf(string fileName) => null;

    /// <summary>The content of a side file that is not on this machine; null where it is, or where there is none.</summary>
    public virtual byte[]? ReadRemoteSideFile(string fileName) => null;
}
