using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>Parts that are still under way when nothing is left to give out.</summary>
public sealed class StragglerTests
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(20);
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset Later = Start.AddSeconds(5);

    private readonly JobState state = Jobs.Staged();
    private readonly PartSchedule schedule;
    private readonly ImmutableArray<PartLease> slow;

    public StragglerTests()
    {
        schedule = new PartSchedule(state, Lease);
        slow = schedule.Assign(state, "slow", 4, Start);
        Assert.Equal(4, slow.Length);
    }

    [Fact]
    public void A_free_worker_gets_them_a_second_time_the_oldest_first()
    {
        ImmutableArray<PartLease> second = schedule.Assign(state, "free", 2, Later);

        Assert.Equal([(0, 0), (0, 1)], second.Select(lease => (lease.File, lease.Part)));
        Assert.Equal(6, schedule.Leases.Count);
        Assert.Equal(6, schedule.Leases.Select(lease => lease.Attempt).Distinct().Count());
    }

    [Fact]
    public void Not_before_a_quarter_of_the_lease()
    {
        Assert.False(schedule.HasWork(Later.AddSeconds(-0.1)));
        Assert.Empty(schedule.Assign(state, "free", 4, Later.AddSeconds(-0.1)));
        Assert.True(schedule.HasWork(Later));
    }

    [Fact]
    public void Nobody_races_with_himself_and_nobody_comes_third()
    {
        Assert.Empty(schedule.Assign(state, "slow", 4, Later));
        Assert.Equal(4, schedule.Assign(state, "free", 4, Later).Length);

        Assert.Empty(schedule.Assign(state, "third", 4, Later.AddMinutes(1)));
    }

    [Fact]
    public void What_is_open_comes_first()
    {
        schedule.Release(slow[3].Attempt, asFailure: false);

        Assert.Equal([(1, 0), (0, 0), (0, 1)], schedule.Assign(state, "free", 3, Later).Select(lease => (lease.File, lease.Part)));
    }

    [Fact]
    public void The_one_that_is_late_loses_its_lease_and_the_file_waits_until_it_has_stopped()
    {
        PartLease second = Assert.Single(schedule.Assign(state, "free", 1, Later));

        schedule.Complete(0, 0);
        schedule.Finish(second.Attempt);

        Assert.False(schedule.Renew(slow[0].Attempt, "slow", 10, workerMoves: true, Later));
        schedule.Complete(0, 1);
        schedule.Finish(slow[1].Attempt);
        schedule.Complete(0, 2);
        schedule.Finish(slow[2].Attempt);
        Assert.True(schedule.IsLeased(0));

        Assert.Equal(0, schedule.Release(slow[0].Attempt, asFailure: false));
        Assert.False(schedule.IsLeased(0));
        Assert.Equal(0, schedule.OpenParts);
    }

    [Fact]
    public void A_late_one_that_never_speaks_again_holds_the_file_up_for_its_lease_and_no_longer()
    {
        PartLease second = Assert.Single(schedule.Assign(state, "free", 1, Later));
        schedule.Complete(0, 0);
        schedule.Finish(second.Attempt);
        schedule.Expire(Start + Lease);

        Assert.DoesNotContain(schedule.Leases, lease => lease.Part == 0 && lease.File == 0);
        schedule.Complete(0, 1);
        schedule.Complete(0, 2);
        schedule.Finish(slow[1].Attempt);
        schedule.Finish(slow[2].Attempt);
        Assert.False(schedule.IsLeased(0));
    }

    [Fact]
    public void When_one_of_two_gives_up_the_part_stays_with_the_other()
    {
        Assert.Single(schedule.Assign(state, "free", 1, Later));

        schedule.Release(slow[0].Attempt, asFailure: true);
        Assert.Equal(0, schedule.OpenParts);

        schedule.LoseWorker("free");
        Assert.Equal(1, schedule.OpenParts);
    }
}
