using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class TransferScheduleTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    private readonly TransferSchedule schedule = new(TransferRulesTests.Planned(files: 3), Duration);

    [Fact]
    public void Files_are_given_out_in_order_and_only_once()
    {
        Assert.Equal([0, 1], schedule.Assign(1, "a", 2, Now).Select(lease => lease.Transfer));
        Assert.Equal([2], schedule.Assign(1, "b", 2, Now).Select(lease => lease.Transfer));
        Assert.False(schedule.HasWork(Now));
        Assert.Empty(schedule.Assign(1, "a", 2, Now));
    }

    [Fact]
    public void What_a_lost_worker_had_is_offered_to_the_next()
    {
        schedule.Assign(1, "a", 3, Now);

        Assert.Equal(3, schedule.LoseWorker("a"));
        Assert.Equal([0, 1, 2], schedule.Assign(1, "b", 9, Now).Select(lease => lease.Transfer));
    }

    [Fact]
    public void A_lease_lasts_as_long_as_its_worker_gets_on_and_no_longer()
    {
        TransferLease lease = schedule.Assign(1, "a", 1, Now)[0];

        Assert.True(schedule.Renew(lease.Attempt, "a", bytes: 10, activity: 1, Now + Duration / 2));
        Assert.Equal(0, schedule.Expire(Now + Duration));
        Assert.True(schedule.Renew(lease.Attempt, "a", bytes: 10, activity: 1, Now + Duration));
        Assert.Equal(1, schedule.Expire(Now + Duration * 1.5));
        Assert.False(schedule.Renew(lease.Attempt, "a", bytes: 20, activity: 2, Now + Duration * 1.5));
        Assert.Equal(10, schedule.BytesDone(0));
    }

    [Fact]
    public void Nobody_renews_the_lease_of_another()
    {
        TransferLease lease = schedule.Assign(1, "a", 1, Now)[0];

        Assert.False(schedule.Renew(lease.Attempt, "b", bytes: 1, activity: 1, Now));
    }

    [Fact]
    public void A_lease_of_an_earlier_coordinator_is_adopted_unless_somebody_has_the_file()
    {
        Assert.True(schedule.Adopt(new Attempt(1, 7), transfer: 1, "a", bytes: 5, activity: 3, Now));
        Assert.False(schedule.Adopt(new Attempt(1, 8), transfer: 1, "b", bytes: 5, activity: 3, Now));

        Assert.Equal([0, 2], schedule.Assign(2, "b", 9, Now).Select(lease => lease.Transfer));
    }

    [Fact]
    public void After_an_outage_a_file_waits_longer_each_time_and_bytes_in_between_start_the_count_anew()
    {
        DateTimeOffset now = Now;
        int Fail()
        {
            TransferLease lease = schedule.Assign(1, "a", 1, now).Single(lease => lease.Transfer == 0);
            return schedule.NoteOutage(lease.Attempt, now);
        }

        Assert.Equal(1, Fail());
        Assert.Equal(1, schedule.Assign(1, "b", 1, now + TimeSpan.FromSeconds(1.9))[0].Transfer);
        now += TimeSpan.FromSeconds(2);
        Assert.Equal(2, Fail());
        Assert.DoesNotContain(schedule.Assign(1, "c", 9, now + TimeSpan.FromSeconds(3.9)), lease => lease.Transfer == 0);
        now += TimeSpan.FromSeconds(4);
        TransferLease third = schedule.Assign(1, "a", 1, now)[0];
        schedule.Renew(third.Attempt, "a", bytes: 1, activity: 1, now);

        Assert.Equal(1, schedule.NoteOutage(third.Attempt, now));
    }

    [Fact]
    public void A_file_that_is_there_is_nobodys_any_more_and_one_that_went_is_offered_again()
    {
        TransferLease lease = schedule.Assign(1, "a", 1, Now)[0];

        schedule.Complete(0);
        schedule.Complete(1);
        Assert.False(schedule.Release(lease.Attempt));
        Assert.Equal([2], schedule.Assign(1, "b", 9, Now).Select(other => other.Transfer));
        schedule.Reopen(1);

        Assert.Equal([1], schedule.Assign(1, "b", 9, Now).Select(other => other.Transfer));
    }
}
