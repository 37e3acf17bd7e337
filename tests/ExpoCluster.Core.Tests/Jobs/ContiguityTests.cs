using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>Workers of different speed on one job of many parts, in simulated time: in what order each of them reads.</summary>
public sealed class ContiguityTests
{
    private const int FileCount = 8;
    private const int PartsOfEach = 50;

    private readonly JobState state = ManyParts();

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(1, 2, 3, 9)]
    [InlineData(5, 1, 1, 1)]
    [InlineData(1, 1, 1, 1, 1, 1, 1, 1)]
    public void Each_worker_reads_long_runs_and_all_end_at_the_same_time(params int[] secondsPerPart)
    {
        var schedule = new PartSchedule(state, TimeSpan.FromHours(1));
        DateTimeOffset start = DateTimeOffset.UnixEpoch;
        List<int>[] read = [.. secondsPerPart.Select(_ => new List<int>())];
        var running = new PriorityQueue<(int Worker, PartLease? Lease), long>();
        for (int worker = 0; worker < secondsPerPart.Length; worker++)
        {
            running.Enqueue((worker, null), 0);
        }

        long[] idleSince = new long[secondsPerPart.Length];
        while (running.TryDequeue(out (int Worker, PartLease? Lease) done, out long second))
        {
            if (done.Lease is { } lease)
            {
                schedule.Complete(lease.File, lease.Part);
                schedule.Finish(lease.Attempt);
                read[done.Worker].Add((lease.File * PartsOfEach) + lease.Part);
            }

            idleSince[done.Worker] = second;
            foreach (PartLease next in schedule.Assign(state, "worker" + done.Worker, 1, start.AddSeconds(second)))
            {
                running.Enqueue((done.Worker, next), second + secondsPerPart[done.Worker]);
            }
        }

        Assert.Equal(Enumerable.Range(0, FileCount * PartsOfEach), read.SelectMany(parts => parts).Order());
        Assert.All(read, parts => Assert.True(BreaksOf(parts) <= 12, $"{BreaksOf(parts)} breaks in {string.Join(' ', parts)}"));
        Assert.True(idleSince.Max() - idleSince.Min() <= secondsPerPart.Max(), string.Join(' ', idleSince));
    }

    private static int BreaksOf(List<int> parts) => parts.Zip(parts.Skip(1)).Count(pair => pair.Second != pair.First + 1);

    private static JobState ManyParts()
    {
        var plan = new JobEvent.Planned("d1g", 1, PartGrid.PartBytes, [.. Enumerable.Range(0, FileCount).Select(file => new JobFile("f" + file, PartsOfEach * Jobs.PartBytes))]);
        JobState planned = JobState.Empty.Apply(Jobs.Submission).Apply(plan).Apply(new JobEvent.CoordinatorStarted(1));
        return Enumerable.Range(0, FileCount).Aggregate(planned, (now, file) => now.Apply(new JobEvent.StagingCreated(file, 1)));
    }
}
