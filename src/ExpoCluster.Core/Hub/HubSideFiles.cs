using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Core.Hub;

/// <summary>What goes along with the weights, for a merge that keeps nothing of the Hub in the cache.</summary>
public static class HubSideFiles
{
    /// <summary>Brings them into the workspace; nothing where they are in a directory or in the cache.</summary>
    /// <exception cref="HubException">One of them cannot be had.</exception>
    public static Task BringAsync(Checkpoint aligned, OutputPaths paths, CancellationToken cancellation) =>
        aligned.Folder is HubFolder { LocalDirectory: null } folder
            ? folder.CopySideFilesAsync(paths.RemoteSideFiles, cancellation)
            : Task.CompletedTask;
}
