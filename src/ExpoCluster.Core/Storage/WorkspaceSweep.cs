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

        IEnumerable<string> directories = [paths.Prepared(job), paths.Replaced(job), .. StagingOf(paths, job, files)];
        foreach (string directory in directories.Where(Directory.Exists))
        {
            Directory.Delete(directory, recursive: true);
        }

        File.Delete(paths.Plan(job));
        File.Delete(paths.SideFileList(job));
        Durability.FlushDirectory(paths.Workspace);
    }

    /// <summary>Gives the space back that a job has reserved; its files are made anew later.</summary>
    public static void RemoveStaging(OutputPaths paths, string job, ImmutableArray<JobFileState> files)
    {
        foreach (string directory in StagingOf(paths, job, files).Where(Directory.Exists))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    // One more: a writer may have died between making the next staging file and reporting it.
    private static IEnumerable<string> StagingOf(OutputPaths paths, string job, ImmutableArray<JobFileState> files) => Enumerable
        .Range(1, files.IsEmpty ? 1 : files.Max(file => file.Generation) + 1)
        .Select(generation => paths.Staging(job, generation));
}
