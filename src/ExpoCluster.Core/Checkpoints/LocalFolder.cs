using System.Collections.Immutable;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Files;
using Microsoft.Win32.SafeHandles;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>A directory of this machine.</summary>
/// <param name="directory">Absolute, its links not resolved.</param>
/// <param name="holdsModel">False where one of its files was given as the reference: then nothing else in it counts.</param>
/// <param name="roots">Below which its files must lie; null for everywhere.</param>
internal sealed class LocalFolder(string directory, bool holdsModel, StorageRoots? roots = null) : CheckpointFolder
{
    public override string? LocalDirectory => holdsModel ? directory : null;

    public override bool HoldsModel => holdsModel;

    // Hidden files are left out: macOS leaves "._model.safetensors" behind on foreign disks.
    public override ImmutableSortedSet<string> FileNames
    {
        get
        {
            try
            {
                return Directory.EnumerateFileSystemEntries(directory)
                    .Select(path => Path.GetFileName(path))
                    .Where(name => !name.StartsWith('.'))
                    .ToImmutableSortedSet(StringComparer.Ordinal);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw CheckpointErrors.Unreadable(directory, exception);
            }
        }
    }

    // A link may lead nowhere.
    public override bool Has(string fileName) => File.Exists(RealPath.Of(PathOf(fileName)));

    public override string PathOf(string fileName) => Path.Combine(directory, fileName);

    public override byte[] ReadIndex(string fileName)
    {
        string path = PathOf(fileName);
        string realPath = RealPathOf(path);
        try
        {
            return RegularFile.ReadBytes(realPath, WeightMap.MaxIndexBytes);
        }
        catch (FileTooLongException)
        {
            throw CheckpointErrors.IndexTooLarge(path, new FileInfo(realPath).Length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CheckpointErrors.Unreadable(path, exception);
        }
    }

    public override WeightsFile OpenWeights(string fileName, string namedBy)
    {
        string path = PathOf(fileName);
        string realPath = RealPathOf(path);
        if (!File.Exists(realPath))
        {
            throw CheckpointErrors.WeightsFileMissing(path, namedBy);
        }

        SafeFileHandle opened = ReadableFile.Open(realPath, path == realPath ? path : $"{path}, a link to {realPath}");
        var identity = FileIdentity.Of(opened, realPath);
        return new WeightsFile(realPath, identity.ModifiedUnixNanoseconds, ByteSource.OfFile(opened, realPath)) { Identity = identity };
    }

    // People keep weights on another disk and link to them, which is followed, and said.
    public override IEnumerable<string> NotesOn(string entryFileName, ImmutableArray<CheckpointShard> shards)
    {
        if (!holdsModel)
        {
            yield break;
        }

        var bounds = new CheckpointBounds(directory, roots);
        (string Name, string Path)[] elsewhere =
        [
            .. shards.Select(shard => (shard.Name, shard.Path)).Prepend((Name: entryFileName, Path: RealPath.Of(PathOf(entryFileName))))
                .Where(file => !bounds.Contains(file.Path)).Distinct(),
        ];
        if (elsewhere.Length > 0)
        {
            string others = elsewhere.Length == 1 ? "" : $", and so do {elsewhere.Length - 1} more of its files";
            yield return $"{PathOf(elsewhere[0].Name)} is a link that leads out of its directory, to {elsewhere[0].Path}{others}.";
        }
    }

    // What is wrong with a file that is published is said when it is published; here it only tells nothing.
    public override byte[]? ReadBeside(string fileName, int maxBytes)
    {
        string path = PathOf(fileName);
        if (!holdsModel || !File.Exists(path))
        {
            return null;
        }

        try
        {
            return RegularFile.ReadBytes(new CheckpointBounds(directory, roots).Follow(path), maxBytes);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ExpoException)
        {
            return null;
        }
    }

    private string RealPathOf(string path) => roots?.CheckFile(path, path) ?? RealPath.Of(path);
}
