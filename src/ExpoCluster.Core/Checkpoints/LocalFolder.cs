using System.Collections.Immutable;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>A directory of this machine.</summary>
/// <param name="directory">Absolute, its links not resolved.</param>
/// <param name="holdsModel">False where one of its files was given as the reference: then nothing else in it counts.</param>
internal sealed class LocalFolder(string directory, bool holdsModel) : CheckpointFolder
{
    public override string? LocalDirectory => holdsModel ? directory : null;

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
        try
        {
            long length = new FileInfo(RealPath.Of(path)).Length;
            return length <= WeightMap.MaxIndexBytes ? File.ReadAllBytes(path) : throw CheckpointErrors.IndexTooLarge(path, length);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CheckpointErrors.Unreadable(path, exception);
        }
    }

    public override WeightsFile OpenWeights(string fileName, string namedBy)
    {
        string path = PathOf(fileName);
        string realPath = RealPath.Of(path);
        return File.Exists(realPath)
            ? new WeightsFile(realPath, FileIdentity.Of(realPath)!.Value.ModifiedUnixNanoseconds, ByteSource.OfFile(realPath))
            : throw CheckpointErrors.WeightsFileMissing(path, namedBy);
    }
}
