using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Cli.Display;

/// <summary>A job of a server in the words of an embedded merge, so that both look the same.</summary>
internal static class RemoteProgress
{
    public static JobProgress Of(Job job)
    {
        var progress = new JobProgress
        {
            Job = job.Id,
            State = job.State,
            Total = job.Parts.Total,
            Committed = job.Parts.Committed,
            Reused = job.Parts.Reused,
            BytesRead = job.BytesRead,
            BytesWritten = job.BytesWritten,
        };
        progress.Files.AddRange((job.Files ?? []).Select(file => new FileProgress
        {
            Name = file.Name,
            ByteLength = file.Bytes,
            Parts = file.Parts,
            Committed = file.Committed,
            Sealed = file.Sealed,
            BytesCommitted = file.BytesCommitted,
        }));
        progress.Lanes.AddRange((job.Lanes ?? []).Select(lane => new LaneProgress
        {
            Worker = lane.Worker, File = lane.File, Part = lane.Part, BytesDone = lane.BytesDone, ByteCount = lane.Bytes,
        }));
        if (job.Transfers is { } transfers)
        {
            progress.Transfers.Add(new TransferProgress
            {
                ByteLength = transfers.Bytes, BytesDone = transfers.BytesDone, Done = transfers.FilesDone == transfers.Files,
            });
        }

        return progress;
    }
}
