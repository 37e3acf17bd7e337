using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Tensors.Statistics;
using Google.Protobuf;

namespace ExpoCluster.EndToEnd;

/// <summary>Results of parts that nobody has computed: made-up digests, and statistics of as many tensors as the part has.</summary>
internal static class MadeUpParts
{
    /// <summary>A report for each file of an assignment, as its writer sends it.</summary>
    public static IEnumerable<PartsReported> Report(Plan plan, AssignParts assigned) => assigned.Parts.GroupBy(part => part.File).Select(parts =>
    {
        var report = new PartsReported { Job = assigned.Job, File = parts.Key, Generation = 1 };
        report.Parts.AddRange(parts.Select(part => Reported(plan, part)));
        return report;
    });

    private static ReportedPart Reported(Plan plan, Assignment assigned)
    {
        PlannedFile file = plan.Files[assigned.File];
        PartRange range = PartGrid.Part(assigned.File, assigned.Part, file.ByteLength);
        byte[] digests = new byte[PartGrid.BlockCount(range.ByteCount) * BlockDigest.ByteCount];
        Random.Shared.NextBytes(digests);
        long begin = range.Begin - file.Header.Length;
        long end = range.End - file.Header.Length;
        TensorSums[] sums = [.. Enumerable.Range(0, file.Tensors.Length)
            .Where(index => file.Tensors[index].Entry.Begin < end && file.Tensors[index].Entry.Begin + file.Tensors[index].Entry.ByteCount > begin)
            .Select(index => new TensorSums(index, new DeltaSums { Elements = 1_000_000, Changed = 900_000, SquaredDelta = 1.5, SquaredAligned = 2.5, AppliedDelta = 0.4, MaxDelta = 0.1 }))];
        return new ReportedPart
        {
            Part = assigned.Part,
            BlockDigests = ByteString.CopyFrom(digests),
            Statistics = ByteString.CopyFrom(PartStatistics.Encode(sums)),
            BytesRead = 2 * range.ByteCount,
            Incarnation = 1,
            Number = assigned.Number,
        };
    }
}
