using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>States of a job with a file of three parts, the last one short, and a file of one.</summary>
internal static class Jobs
{
    public const long PartBytes = PartGrid.PartBytes;
    public const long FirstFileBytes = (2 * PartBytes) + 1000;

    public static readonly JobEvent.Submitted Submission = new("job1", "{}", "/out", Overwrite: false, DateTimeOffset.UnixEpoch);

    public static readonly JobEvent.Planned Plan =
        new("d1g", 1, PartGrid.PartBytes, [new JobFile("first", FirstFileBytes), new JobFile("second", 500)]);

    public static JobState Planned() => JobState.Empty.Apply(Submission).Apply(Plan).Apply(new JobEvent.CoordinatorStarted(1));

    public static JobState Staged() => Planned().Apply(new JobEvent.StagingCreated(0, 1)).Apply(new JobEvent.StagingCreated(1, 1));

    public static JobState Complete() => Staged().Apply(Committed(0, [0, 1, 2])).Apply(Committed(1, [0]));

    public static JobState Sealed() => Complete().Apply(new JobEvent.FileSealed(0, 1, "one")).Apply(new JobEvent.FileSealed(1, 1, "two"));

    public static JobEvent.PartsCommitted Committed(int file, int[] parts, int generation = 1) =>
        new(file, generation, [.. parts.Select(part => Part(file, part))]);

    public static CommittedPart Part(int file, int part, byte fill = 0)
    {
        long bytes = PartGrid.Part(file, part, Plan.Files[file].ByteLength).ByteCount;
        byte[] digests = new byte[PartGrid.BlockCount(bytes) * BlockDigest.ByteCount];
        Array.Fill(digests, fill);
        return new CommittedPart(part, digests);
    }
}
