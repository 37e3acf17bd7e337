using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Storage;

/// <summary>Removes what an ended job leaves in its output's workspace; the journal and the claim are not its own to remove.</summary>
public static class WorkspaceSweep
{
    public static void Remove(OutputPaths paths, string job, ImmutableArray<JobFileState> files)
    {
        if (!Directory.Exists(paths.Workspace))
        {
            // Somebody has removed it, or the whole output: done, for this is repeated until it succeeds.
            return;
        }

        int generations = files.IsEmpty ? 0 : files.Max(file => file.Generation);
        IEnumerable<string> directories =
        [
            paths.Prepared(job),
            paths.Replaced(job),
            // One more: a writer may have died between making the next staging file and reporting it.
            .. Enumerable.Range(1, generations + 1).Select(generation => paths.Staging(job, generation)),
        ];
        foreach (string directory in directories.Where(Directory.Exists))
        {
            Directory.Delete(directory, recursive: true);
        }

        File.Delete(paths.Plan(job));
        Durability.FlushDirectory(paths.Workspace);
    }
}
