using System.Collections.Immutable;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.Storage;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>Looks whether the file system has room for what a job has not reserved yet.</summary>
internal sealed class SpaceWatch(TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // Two jobs that took the last space from each other come back at different times, and one of them finds it free.
    private static readonly TimeSpan LeastRetreat = TimeSpan.FromSeconds(2);

    private const int RetreatSpreadMs = 4000;

    private DateTimeOffset lookAt;
    private bool isLooking;

    /// <summary>There is room, as far as one can know before reserving.</summary>
    public bool HasRoom { get; private set; }

    public bool IsDue => !isLooking && clock.GetUtcNow() >= lookAt;

    /// <summary>Begins anew: a job that has all its files has the room.</summary>
    public void Reset(ImmutableArray<JobFileState> files)
    {
        HasRoom = files.All(file => file.Generation > 0);
        lookAt = default;
    }

    /// <summary>It was there, and others have taken it.</summary>
    public void Retreat()
    {
        HasRoom = false;
        lookAt = clock.GetUtcNow() + LeastRetreat + TimeSpan.FromMilliseconds(Random.Shared.Next(RetreatSpreadMs));
    }

    public Task<Room> LookAsync(OutputPaths paths, string job, JobState state)
    {
        isLooking = true;
        return OwnThread.Run(() => new Room(NeededBytes(paths, job, state), FileSystemFacts.Of(paths.Root).FreeBytes));
    }

    /// <summary>What is not reserved yet: weights without a staging file, and what is published beside them.</summary>
    internal static long NeededBytes(OutputPaths paths, string job, JobState state) => Math.Max(OutputPreflight.WorkspaceBytes, state.SideFiles?.ByteLength ?? 0)
        + state.Files.Where(file => !File.Exists(paths.StagingFile(job, file.Generation, file.File.Name))).Sum(file => file.File.ByteLength);

    public void Take(Room room)
    {
        isLooking = false;
        HasRoom = room.IsEnough;
        lookAt = clock.GetUtcNow() + Interval;
    }

    /// <summary>The look failed; it is taken again.</summary>
    public void Miss()
    {
        isLooking = false;
        lookAt = clock.GetUtcNow() + Interval;
    }
}

/// <summary>What a job still has to reserve, and what is free, in bytes.</summary>
internal sealed record Room(long NeededBytes, long FreeBytes)
{
    public bool IsEnough => NeededBytes <= FreeBytes;
}
