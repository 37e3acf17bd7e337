using System.Collections.Immutable;
using Akka.Actor;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>Has what earlier runs committed read back and compared with its digests, while lanes compute the rest.</summary>
/// <remarks>It works on a thread of its own and tells the coordinator what came of each file. It decides nothing.</remarks>
internal sealed class ReviewDesk(string job, IActorRef self)
{
    private readonly HashSet<int> pending = [];
    private bool hasBegun;
    private volatile bool isStopped;
    private long bytesChecked;
    private long bytesInAll;
    private int lostParts;

    /// <summary>All files have been looked at.</summary>
    public bool IsOver => pending.Count == 0;

    /// <summary>The file's committed parts are still to be looked at.</summary>
    public bool IsPending(int file) => pending.Contains(file);

    /// <summary>Begins with what is committed now; <see cref="Reviewed"/> comes of each file.</summary>
    public void Begin(JobState state)
    {
        if (hasBegun)
        {
            return;
        }

        hasBegun = true;
        int[] files = [.. Enumerable.Range(0, state.Files.Length).Where(file => state.Files[file].CommittedParts > 0)];
        pending.UnionWith(files);
        bytesInAll = files.Sum(file => state.Files[file].CommittedBytes);
        var paths = new OutputPaths(state.Submission!.Output);
        OwnThread.Run(() =>
        {
            try
            {
                foreach (int file in files)
                {
                    self.Tell(new Reviewed(file, state.Files[file].Generation, FindLost(paths, state.Files[file])), ActorRefs.NoSender);
                }
            }
#pragma warning disable CA1031 // The edge of a thread: nothing is sealed until it has said something.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                self.Tell(new ReviewFailed(JobException.Unforeseen(exception)), ActorRefs.NoSender);
            }

            return true;
        });
    }

    /// <summary>What came of a file has been heard, and dealt with.</summary>
    public void Settle(Reviewed review) => pending.Remove(review.File);

    /// <summary>So many parts are computed again.</summary>
    public void CountLost(int parts) => lostParts += parts;

    public void Stop()
    {
        isStopped = true;
        pending.Clear();
    }

    public void TellIn(JobProgress progress)
    {
        progress.Checked = Interlocked.Read(ref bytesChecked);
        progress.CheckedOf = bytesInAll;
        progress.LostParts = lostParts;
    }

    // A file that is gone is its writer's business, who makes another.
    private ImmutableArray<int> FindLost(OutputPaths paths, JobFileState file)
    {
        string staging = paths.StagingFile(job, file.Generation, file.File.Name);
        try
        {
            using StagingFile read = StagingFile.Open(File.Exists(staging) ? staging : paths.Published(file.File.Name));
            return CommittedBytes.FindLost(read, file.BlockDigests, bytes =>
            {
                Interlocked.Add(ref bytesChecked, bytes);
                return !isStopped;
            });
        }
        catch (StorageException)
        {
            return [];
        }
    }

    /// <summary>A file was looked at.</summary>
    /// <param name="File">Which.</param>
    /// <param name="Generation">Of its staging file then.</param>
    /// <param name="Lost">Its parts that are not what was committed.</param>
    public sealed record Reviewed(int File, int Generation, ImmutableArray<int> Lost);

    /// <summary>Nothing more can be looked at.</summary>
    public sealed record ReviewFailed(ExpoException Error);
}
