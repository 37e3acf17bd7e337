using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>Parts that wait for a lane of a slow worker when nothing is left to give out.</summary>
public sealed class WaitingPartTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(20);
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset Later = Start.AddSeconds(1);

    private readonly JobState state = Jobs.Staged();
    private readonly PartSchedule schedule;
    private readonly ImmutableArray<PartLease> slow;

    public WaitingPartTests()
    {
        schedule = new PartSchedule(state, Lease);
        slow = schedule.Assign(state, "slow", 4, Start);
        Assert.True(schedule.Renew(slow[0].Attempt, "slow", bytesDone: 10, workerMoves: true, Start));
    }

    [Fact]
    public void A_free_worker_gets_them_instead_the_last_first()
    {
        Assert.True(schedule.HasSpare(Later));
        Assert.Equal([(1, 0), (0, 2)], schedule.Assign(state, "free", 2, Later).Select(lease => (lease.File, lease.Part)));

        Assert.False(schedule.Renew(slow[3].Attempt, "slow", 0, workerMoves: true, Later));
        Assert.True(schedule.Renew(slow[1].Attempt, "slow", 0, workerMoves: true, Later));
        Assert.Equal(4, schedule.Leases.Count);
    }

    [Fact]
    public void Not_before_a_lane_had_time_to_begin_and_not_what_has_begun()
    {
        Assert.False(schedule.HasSpare(Later.AddSeconds(-0.1)));
        Assert.Empty(schedule.Assign(state, "free", 4, Later.AddSeconds(-0.1)));

        foreach (PartLease lease in slow)
        {
            schedule.Renew(lease.Attempt, "slow", bytesDone: 10, workerMoves: true, Start);
        }

        Assert.Empty(schedule.Assign(state, "free", 4, Later));
    }

    [Fact]
    public void Nobody_takes_from_himself()
    {
        Assert.Empty(schedule.Assign(state, "slow", 4, Later));
    }

    [Fact]
    public void The_file_waits_until_the_one_that_waited_has_given_it_back()
    {
        PartLease taken = Assert.Single(schedule.Assign(state, "free", 1, Later));
        schedule.Complete(taken.File, taken.Part);
        schedule.Finish(taken.Attempt);
        Assert.True(schedule.IsLeased(taken.File));

        schedule.Release(slow[3].Attempt, asFailure: false);

        Assert.False(schedule.IsLeased(taken.File));
    }
}
