using System.Globalization;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Cli.Display;

/// <summary>What a merge does when all parts are computed.</summary>
internal static class ProgressWords
{
    /// <summary>Null while parts are computed, and where the number of files is not told.</summary>
    public static string? OfPublishing(JobProgress progress) => progress.Publishing <= 0
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"{(progress.State == "publishing" ? "publishing" : "preparing to publish")} {progress.Publishing} files");
}
