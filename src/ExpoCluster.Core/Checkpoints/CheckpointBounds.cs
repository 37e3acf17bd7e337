using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Where the files of a checkpoint's directory may lie in truth, for its links are those of whoever made it.</summary>
/// <remarks>In the directory itself; in the Hub's cache, whose snapshots are links, among the blobs of the same model; on a node below its storage roots.</remarks>
internal sealed class CheckpointBounds
{
    private const string Snapshots = "snapshots";
    private const string Blobs = "blobs";

    private readonly string directory;
    private readonly string? blobs;
    private readonly StorageRoots? roots;

    /// <param name="directory">Of the checkpoint, through links or not.</param>
    /// <param name="roots">Those of a node; null where a user reads his own files.</param>
    /// <exception cref="StorageException">Links lead in a circle.</exception>
    public CheckpointBounds(string directory, StorageRoots? roots)
    {
        this.directory = RealPath.Of(directory);
        this.roots = roots;
        blobs = BlobsOf(this.directory);
    }

    /// <summary>The file is one of the checkpoint's own.</summary>
    /// <param name="real">A real path.</param>
    public bool Contains(string real) => RealPath.IsInside(real, directory) || (blobs is not null && RealPath.IsInside(real, blobs));

    /// <summary>The real path of a side file, which goes into the output, where others can read it.</summary>
    /// <exception cref="CheckpointException">It lies elsewhere.</exception>
    /// <exception cref="Recipes.UsageException">It lies outside the storage roots.</exception>
    public string Follow(string path)
    {
        if (roots is not null)
        {
            return roots.CheckFile(path, path);
        }

        string real = RealPath.Of(path);
        return Contains(real) ? real : throw CheckpointErrors.SideFileElsewhere(path, real);
    }

    // .../models--ORG--NAME/snapshots/COMMIT, or a folder in it.
    private static string? BlobsOf(string directory)
    {
        for (string? place = directory; Path.GetDirectoryName(place) is { } parent; place = parent)
        {
            bool isCommit = Path.GetFileName(parent) == Snapshots
                && Path.GetFileName(Path.GetDirectoryName(parent))?.StartsWith(HubCache.ModelPrefix, StringComparison.Ordinal) == true;
            if (isCommit)
            {
                return Path.Join(Path.GetDirectoryName(parent), Blobs);
            }
        }

        return null;
    }
}
