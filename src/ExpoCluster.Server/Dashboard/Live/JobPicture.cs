using System.Collections.Immutable;
using ExpoCluster.Client.Jobs;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Server.Jobs;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>One job as its page shows it.</summary>
/// <param name="Entry">What the register says.</param>
/// <param name="Job">As the contract tells it.</param>
/// <param name="Changes">The states that it came into.</param>
public sealed record JobPicture(RegisterEntry Entry, Job Job, ImmutableArray<RegisterChange> Changes)
{
    /// <summary>By file, in the job's order.</summary>
    public ImmutableArray<PartBar> Bars { get; init; } = [];

    /// <summary>How many parts are in each stage.</summary>
    public ImmutableArray<int> Stages { get; init; } = [0, 0, 0, 0];

    public ImmutableArray<RateSample> Rates { get; init; } = [];

    /// <summary>Given out since the present coordinator took over; null when nobody knows.</summary>
    public int? Attempts { get; init; }

    public int FailedAttempts { get; init; }

    /// <summary>The latest first.</summary>
    public ImmutableArray<AttemptFailure> Failures { get; init; } = [];

    public ImmutableArray<SlowPart> Slowest { get; init; } = [];

    internal LiveNews? News { get; init; }

    internal DateTimeOffset LookedAt { get; init; }

    public bool HasEnded => JobStates.HasEnded(Job.State);

    public bool MayResume => Job.State is JobStates.Suspended or JobStates.Failed;

    public bool MayCancel => Job.State is not (JobStates.Done or JobStates.Cancelled);

    /// <summary>0 to 1.</summary>
    public double Share => ShareOf(Job);

    /// <summary>0 to 1, of what the job does at the moment.</summary>
    public static double ShareOf(Job job)
    {
        if (job.State == JobStates.Transferring && job.Transfers is { Bytes: > 0 } transfers)
        {
            return (double)transfers.BytesDone / transfers.Bytes;
        }

        return job.BytesTotal > 0 ? Math.Clamp((double)job.BytesWritten / job.BytesTotal, 0, 1) : job.State == JobStates.Done ? 1 : 0;
    }

    internal static JobPicture Of(RegisterEntry entry, ImmutableArray<RegisterChange> changes, LiveNews? news, JobPicture? before, DateTimeOffset now)
    {
        LiveNews? current = news is null || JobDescription.IsOlder(news, entry) || JobStates.HasEnded(entry.State) ? null : news;
        Job job = JobDescription.Of(entry, news, withFiles: true);
        PartStage[][] stages = current is null ? [] : StagesOf(current.Progress, Math.Max(1, entry.Facts.Folders.Length));
        return new JobPicture(entry, job, changes)
        {
            Bars = current is null ? [.. (job.Files ?? []).Select(file => PartBar.Of(file.Parts, file.Committed))] : [.. stages.Select(PartBar.Of)],
            Stages = current is null ? [job.Parts.Total - job.Parts.Committed, 0, 0, job.Parts.Committed] : CountsOf(stages),
            Rates = JobStates.HasEnded(job.State) ? before?.Rates ?? [] : (before?.Rates ?? []).With(now, job.Rate ?? 0),
            Attempts = current?.Progress.Attempts ?? before?.Attempts,
            FailedAttempts = current?.Progress.FailedAttempts ?? before?.FailedAttempts ?? 0,
            Failures = current is null ? before?.Failures ?? [] : [.. current.Progress.Failures.Reverse()],
            Slowest = current is null ? before?.Slowest ?? [] : [.. current.Progress.Slowest],
            News = news,
            LookedAt = now,
        };
    }

    private static PartStage[][] StagesOf(JobProgress progress, int variants)
    {
        PartStage[][] stages = [.. progress.Files.Select(file => Enumerable.Range(0, file.Parts)
            .Select(part => PartBits.Has(file.CommittedParts, part) ? PartStage.Committed : PartStage.Open).ToArray())];
        int layout = Math.Max(1, stages.Length / variants);
        foreach (LaneProgress lane in progress.Lanes)
        {
            // In a sweep one lane writes a part into the file of every alpha.
            for (int file = lane.File; file < stages.Length; file += layout)
            {
                if (lane.Part < stages[file].Length && stages[file][lane.Part] == PartStage.Open)
                {
                    stages[file][lane.Part] = lane.BytesDone >= lane.ByteCount ? PartStage.Computed : PartStage.Assigned;
                }
            }
        }

        return stages;
    }

    private static ImmutableArray<int> CountsOf(PartStage[][] stages)
    {
        int[] counts = new int[4];
        foreach (PartStage stage in stages.SelectMany(file => file))
        {
            counts[(int)stage]++;
        }

        return [.. counts];
    }
}
