using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>Two alphas, each with a file of two parts and a file of one: files 0 and 1 of the first, 2 and 3 of the second.</summary>
public sealed class SweepScheduleTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(10);

    private static readonly JobFile[] Files =
    [
        new("alpha-0.1/a", PartGrid.PartBytes + 1), new("alpha-0.1/b", 10), new("alpha-0.3/a", PartGrid.PartBytes + 1), new("alpha-0.3/b", 10),
    ];

    private JobState state = Enumerable.Range(0, 4).Aggregate(
        JobState.Empty.Apply(Jobs.Submission)
            .Apply(new JobEvent.Planned("d1g", 1, PartGrid.PartBytes, [.. Files], Variants: 2))
            .Apply(new JobEvent.CoordinatorStarted(1)),
        (known, file) => known.Apply(new JobEvent.StagingCreated(file, 1)));

    [Fact]
    public void Each_part_of_the_common_layout_is_given_out_once()
    {
        var schedule = new PartSchedule(state, Lease);

        var leases = schedule.Assign(state, "w", 10, DateTimeOffset.UnixEpoch);

        Assert.Equal([(0, 0), (0, 1), (1, 0)], leases.Select(lease => (lease.File, lease.Part)));
        Assert.Equal([0, 2], state.UncommittedVariants(0, 1));
        Assert.Equal([1, 3], state.UncommittedVariants(1, 0));
    }

    [Fact]
    public void A_part_is_open_while_any_output_lacks_it_and_then_only_that_one_is_written()
    {
        Commit(2, 0);
        Commit(0, 1);
        Commit(2, 1);

        var schedule = new PartSchedule(state, Lease);

        Assert.Equal([(0, 0), (1, 0)], schedule.Assign(state, "w", 10, DateTimeOffset.UnixEpoch).Select(lease => (lease.File, lease.Part)));
        Assert.Equal([0], state.UncommittedVariants(0, 0));
        Assert.False(state.IsCommittedInAllVariants(2, 0));
        Assert.True(state.IsCommittedInAllVariants(2, 1));
    }

    [Fact]
    public void A_lease_keeps_the_files_of_all_outputs_from_being_sealed()
    {
        var schedule = new PartSchedule(state, Lease);
        PartLease lease = Assert.Single(schedule.Assign(state, "w", 1, DateTimeOffset.UnixEpoch));

        Assert.True(schedule.IsLeased(0));
        Assert.True(schedule.IsLeased(2));
        Assert.False(schedule.IsLeased(3));

        schedule.Complete(2, 0);
        schedule.Finish(lease.Attempt);
        Assert.False(schedule.IsLeased(0));
    }

    [Fact]
    public void A_new_staging_file_of_one_output_opens_its_parts_again()
    {
        foreach (int file in new[] { 0, 2 })
        {
            Commit(file, 0);
            Commit(file, 1);
        }

        var schedule = new PartSchedule(state, Lease);
        Assert.Equal(1, schedule.OpenParts);

        state = state.Apply(new JobEvent.StagingCreated(2, 2));
        schedule.Reopen(state, 2);

        Assert.Equal(3, schedule.OpenParts);
        Assert.Equal([2], state.UncommittedVariants(0, 0));
    }

    private void Commit(int file, int part)
    {
        long bytes = PartGrid.Part(file, part, Files[file].ByteLength).ByteCount;
        byte[] digests = new byte[PartGrid.BlockCount(bytes) * BlockDigest.ByteCount];
        state = state.Apply(new JobEvent.PartsCommitted(file, 1, [new CommittedPart(part, digests)]));
    }
}
