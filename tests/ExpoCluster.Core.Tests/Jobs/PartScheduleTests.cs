using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class PartScheduleTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Fact]
    public void Parts_are_given_out_in_order_and_only_once()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);

        Assert.Equal([(0, 0), (0, 1)], Names(schedule.Assign(state, "a", 2, Now)));
        Assert.Equal([(0, 2), (1, 0)], Names(schedule.Assign(state, "a", 9, Now)));
        Assert.Empty(schedule.Assign(state, "a", 1, Now));
        Assert.Empty(schedule.Assign(state, "b", 1, Now));
    }

    [Fact]
    public void A_worker_goes_on_behind_its_last_part()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        PartLease first = Assert.Single(schedule.Assign(state, "a", 1, Now));
        Assert.Equal([(0, 1)], Names(schedule.Assign(state, "a", 1, Now)));
        schedule.Release(first.Attempt, asFailure: false);

        Assert.Equal([(0, 2)], Names(schedule.Assign(state, "a", 1, Now)));
        Assert.Equal([(0, 0)], Names(schedule.Assign(state, "c", 1, Now)));
    }

    [Fact]
    public void What_is_committed_is_not_given_out()
    {
        JobState state = Jobs.Staged().Apply(Jobs.Committed(0, [1]));

        Assert.Equal([(0, 0), (0, 2), (1, 0)], Names(new PartSchedule(state, Duration).Assign(state, "a", 9, Now)).Order());
    }

    [Fact]
    public void Suspects_run_first_alone_and_through_positioned_reads()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Suspect(0, 2);
        schedule.Suspect(1, 0);

        PartLease alone = Assert.Single(schedule.Assign(state, "a", 9, Now));
        Assert.Equal((0, 2, ReadMode.Positioned), (alone.File, alone.Part, alone.Mode));
        Assert.Empty(schedule.Assign(state, "b", 9, Now));
        schedule.Complete(0, 2);
        PartLease next = Assert.Single(schedule.Assign(state, "b", 9, Now));
        Assert.Equal((1, 0, ReadMode.Positioned), (next.File, next.Part, next.Mode));
        schedule.Complete(1, 0);

        Assert.All(schedule.Assign(state, "a", 9, Now), lease => Assert.Equal(ReadMode.Mapped, lease.Mode));
    }

    [Fact]
    public void As_many_lanes_are_wanted_as_parts_are_to_be_computed_and_one_where_they_run_alone()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        Assert.Equal(4, schedule.LanesWanted);

        schedule.Assign(state, "a", 2, Now);
        Assert.Equal(4, schedule.LanesWanted);
        schedule.Complete(0, 0);
        Assert.Equal(3, schedule.LanesWanted);
        schedule.Suspect(0, 2);
        Assert.Equal(1, schedule.LanesWanted);
        schedule.Complete(0, 2);
        schedule.Complete(0, 1);
        schedule.Complete(1, 0);
        Assert.Equal(0, schedule.LanesWanted);
    }

    [Fact]
    public void A_suspect_waits_for_the_work_under_way()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        PartLease running = Assert.Single(schedule.Assign(state, "a", 1, Now));
        schedule.Suspect(0, 1);
        Assert.Empty(schedule.Assign(state, "b", 1, Now));

        schedule.Complete(running.File, running.Part);

        Assert.Single(schedule.Assign(state, "b", 1, Now));
    }

    [Fact]
    public void A_lost_workers_parts_are_open_again_and_suspect()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Assign(state, "a", 2, Now);
        PartLease other = Assert.Single(schedule.Assign(state, "b", 1, Now));

        Assert.Equal([(0, 0), (0, 1)], Names(schedule.LoseWorker("a")));

        Assert.Empty(schedule.Assign(state, "c", 9, Now));
        schedule.Complete(other.File, other.Part);
        Assert.Equal(ReadMode.Positioned, Assert.Single(schedule.Assign(state, "c", 9, Now)).Mode);
    }

    [Fact]
    public void A_worker_that_can_be_reached_again_takes_the_suspicion_back()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Assign(state, "a", 2, Now);
        schedule.LoseWorker("a");

        schedule.FindWorker("a");

        Assert.All(schedule.Assign(state, "b", 9, Now), lease => Assert.Equal(ReadMode.Mapped, lease.Mode));
        Assert.Empty(schedule.LoseWorker("a"));
        Assert.Null(schedule.BuryWorker("a"));
    }

    [Fact]
    public void A_part_that_kills_two_workers_though_it_runs_alone_is_deadly()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Assign(state, "a", 1, Now);
        Assert.Null(Kill("a"));
        PartLease alone = Assert.Single(schedule.Assign(state, "b", 9, Now));
        Assert.Null(Kill("b"));
        Assert.Single(schedule.Assign(state, "c", 9, Now));

        PartLease? deadly = Kill("c");

        Assert.Equal((alone.File, alone.Part), (deadly!.File, deadly.Part));

        PartLease? Kill(string worker)
        {
            schedule.LoseWorker(worker);
            return schedule.BuryWorker(worker);
        }
    }

    [Fact]
    public void A_lease_lives_by_progress_not_by_heartbeats()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        PartLease lease = Assert.Single(schedule.Assign(state, "a", 1, Now));

        Assert.True(schedule.Renew(lease.Attempt, "a", bytesDone: 10, workerMoves: true, Now + TimeSpan.FromSeconds(15)));
        Assert.True(schedule.Renew(lease.Attempt, "a", bytesDone: 10, workerMoves: false, Now + TimeSpan.FromSeconds(30)));
        Assert.Empty(schedule.Expire(Now + TimeSpan.FromSeconds(34)));
        Assert.Equal([(0, 0)], Names(schedule.Expire(Now + TimeSpan.FromSeconds(35))));
        Assert.False(schedule.Renew(lease.Attempt, "a", bytesDone: 20, workerMoves: true, Now));
    }

    [Fact]
    public void A_part_that_waits_for_its_lane_lives_while_its_worker_moves()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        PartLease waiting = schedule.Assign(state, "a", 2, Now)[1];

        schedule.Renew(waiting.Attempt, "a", bytesDone: 0, workerMoves: true, Now + TimeSpan.FromSeconds(15));

        Assert.DoesNotContain(waiting.Attempt, schedule.Expire(Now + TimeSpan.FromSeconds(21)).Select(lease => lease.Attempt));
    }

    [Fact]
    public void Nobody_renews_anothers_lease()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        PartLease lease = Assert.Single(schedule.Assign(state, "a", 1, Now));

        Assert.False(schedule.Renew(lease.Attempt, "b", 10, workerMoves: true, Now));
    }

    [Fact]
    public void Work_that_an_earlier_coordinator_gave_out_is_adopted_while_its_part_is_open()
    {
        JobState state = Jobs.Staged().Apply(new JobEvent.CoordinatorStarted(2));
        var schedule = new PartSchedule(state, Duration);
        var earlier = new Attempt(1, 5);

        Assert.True(schedule.Adopt(state, earlier, 0, 1, generation: 1, "a", Now));
        Assert.False(schedule.Adopt(state, new Attempt(1, 6), 0, 1, generation: 1, "b", Now));
        Assert.False(schedule.Adopt(state, new Attempt(1, 7), 0, 2, generation: 9, "b", Now));
        Assert.True(schedule.Renew(earlier, "a", 10, workerMoves: true, Now));
        Assert.Equal([(0, 0), (0, 2), (1, 0)], Names(schedule.Assign(state, "c", 9, Now)).Order());
    }

    [Fact]
    public void A_new_staging_file_reopens_its_parts_and_ends_the_leases_on_it()
    {
        JobState state = Jobs.Staged().Apply(Jobs.Committed(0, [0]));
        var schedule = new PartSchedule(state, Duration);
        PartLease lease = Assert.Single(schedule.Assign(state, "a", 1, Now));
        state = state.Apply(new JobEvent.StagingCreated(0, 2));

        schedule.Reopen(state, 0);

        Assert.False(schedule.Renew(lease.Attempt, "a", 10, workerMoves: true, Now));
        Assert.Equal([0, 1, 2], schedule.Assign(state, "b", 3, Now).Where(part => part.File == 0).Select(part => part.Part));
        Assert.All(schedule.Leases, part => Assert.Equal(2, part.Generation));
    }

    [Fact]
    public void Failures_of_a_part_are_counted_and_forgotten_when_it_succeeds()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        Assert.Equal(1, schedule.Release(schedule.Assign(state, "a", 1, Now)[0].Attempt, asFailure: true));
        Assert.Equal(2, schedule.Release(schedule.Assign(state, "b", 1, Now)[0].Attempt, asFailure: true));
        Assert.Equal(2, schedule.Release(schedule.Assign(state, "c", 1, Now)[0].Attempt, asFailure: false));
        Assert.Equal(0, schedule.Release(new Attempt(9, 9), asFailure: true));
    }

    [Fact]
    public void Whatever_happens_no_part_is_under_three_leases_or_twice_under_one_worker_s_and_all_are_committed_in_the_end()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            Simulate(new Random(seed));
        }
    }

    private static void Simulate(Random random)
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        DateTimeOffset now = Now;
        string[] workers = ["a", "b", "c"];
        for (int step = 0; step < 5000 && state.CommittedParts < state.PartCount; step++)
        {
            now += TimeSpan.FromSeconds(random.Next(3));
            string worker = workers[random.Next(workers.Length)];
            PartLease[] held = [.. schedule.Leases.Where(lease => lease.Worker == worker)];
            switch (random.Next(7))
            {
                case 0 or 1:
                    schedule.Assign(state, worker, random.Next(1, 3), now);
                    break;
                case 2:
                    schedule.LoseWorker(worker);
                    break;
                case 3:
                    schedule.Expire(now);
                    break;
                case 4 when held.Length > 0:
                    schedule.Release(held[0].Attempt, asFailure: true);
                    break;
                case 5 or 6 when held.Length > 0:
                    state = state.Apply(Jobs.Committed(held[0].File, [held[0].Part]));
                    schedule.Complete(held[0].File, held[0].Part);
                    break;
            }

            var parts = schedule.Leases.Select(lease => (lease.File, lease.Part)).Distinct().ToList();
            Assert.All(schedule.Leases.GroupBy(lease => (lease.File, lease.Part)), attempts => Assert.InRange(attempts.Count(), 1, 2));
            Assert.Equal(schedule.Leases.Count, schedule.Leases.Select(lease => (lease.File, lease.Part, lease.Worker)).Distinct().Count());
            Assert.All(parts, part => Assert.False(state.Files[part.File].IsCommitted(part.Part)));
            Assert.Equal(state.PartCount, state.CommittedParts + parts.Count + schedule.OpenParts);
        }

        Assert.Equal(state.PartCount, state.CommittedParts);
        Assert.Empty(schedule.Leases);
    }

    private static IEnumerable<(int File, int Part)> Names(IEnumerable<PartLease> leases) => leases.Select(lease => (lease.File, lease.Part));

    [Fact]
    public void A_lost_worker_may_still_write_until_its_lease_has_run_out_or_another_process_has_its_address()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Assign(state, "10.0.0.1:4053#a", 1, Now);

        schedule.LoseWorker("10.0.0.1:4053#a");
        Assert.True(schedule.IsLeased(0));
        schedule.SucceedWorkers("10.0.0.2:4053#b");
        Assert.True(schedule.IsLeased(0));
        schedule.SucceedWorkers("10.0.0.1:4053#b");
        Assert.False(schedule.IsLeased(0));

        schedule.Assign(state, "10.0.0.2:4053#b", 1, Now);
        schedule.LoseWorker("10.0.0.2:4053#b");
        schedule.Expire(Now + Duration);
        Assert.False(schedule.IsLeased(0));
    }
}
