using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class PartSchedulePropertyTests
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    [Fact]
    public void No_part_is_leased_twice_to_one_worker_suspects_run_alone_and_everything_ends_committed()
    {
        for (int seed = 0; seed < 1000; seed++)
        {
            Live(seed);
        }
    }

    [Fact]
    public void A_suspect_whose_lease_ran_out_runs_alone_again()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Suspect(0, 1);
        schedule.Assign(state, "a", 1, Now);

        schedule.Expire(Now + Duration);

        PartLease again = Assert.Single(schedule.Assign(state, "b", 9, Now));
        Assert.Equal((0, 1, ReadMode.Positioned), (again.File, again.Part, again.Mode));
    }

    [Fact]
    public void A_suspect_that_was_given_back_runs_alone_again()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Suspect(0, 1);

        schedule.Release(Assert.Single(schedule.Assign(state, "a", 9, Now)).Attempt, asFailure: true);

        Assert.Equal(ReadMode.Positioned, Assert.Single(schedule.Assign(state, "b", 9, Now)).Mode);
    }

    [Fact]
    public void A_suspect_is_still_one_when_its_staging_file_is_new()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Suspect(0, 1);
        schedule.Assign(state, "a", 1, Now);
        state = state.Apply(new JobEvent.StagingCreated(0, 2));

        schedule.Reopen(state, 0);

        PartLease again = Assert.Single(schedule.Assign(state, "b", 9, Now));
        Assert.Equal((1, 2, ReadMode.Positioned), (again.Part, again.Generation, again.Mode));
    }

    [Fact]
    public void A_committed_part_is_no_suspect()
    {
        JobState state = Jobs.Staged().Apply(Jobs.Committed(0, [1]));
        var schedule = new PartSchedule(state, Duration);

        schedule.Suspect(0, 1);

        Assert.Equal(3, schedule.Assign(state, "a", 9, Now).Length);
    }

    [Fact]
    public void All_parts_of_a_lost_worker_become_suspects_and_nobody_elses()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        schedule.Assign(state, "a", 2, Now);
        PartLease others = Assert.Single(schedule.Assign(state, "b", 1, Now));

        Assert.Equal(2, schedule.LoseWorker("a").Length);

        Assert.Equal([others], schedule.Leases);
        schedule.Complete(others.File, others.Part);
        PartLease first = Assert.Single(schedule.Assign(state, "b", 9, Now));
        schedule.Complete(first.File, first.Part);
        PartLease second = Assert.Single(schedule.Assign(state, "b", 9, Now));
        schedule.Complete(second.File, second.Part);
        Assert.Equal([ReadMode.Positioned, ReadMode.Positioned, ReadMode.Mapped], [first.Mode, second.Mode, schedule.Assign(state, "b", 9, Now)[0].Mode]);
    }

    [Fact]
    public void Attempts_of_one_incarnation_are_never_named_alike()
    {
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        var names = new HashSet<Attempt>();
        for (int time = 0; time < 100; time++)
        {
            PartLease lease = Assert.Single(schedule.Assign(state, "a", 1, Now));
            Assert.True(names.Add(lease.Attempt));
            schedule.Release(lease.Attempt, asFailure: false);
        }
    }

    private static void Live(int seed)
    {
        var random = new Random(seed);
        JobState state = Jobs.Staged();
        var schedule = new PartSchedule(state, Duration);
        DateTimeOffset now = Now;
        for (int step = random.Next(120); step > 0; step--)
        {
            now += TimeSpan.FromSeconds(random.Next(10));
            state = Step(state, schedule, action: random.Next(10), worker: "abcd"[random.Next(4)].ToString(), amount: random.Next(5), now);
            AssertSound(state, schedule);
        }

        // Whatever happened: with one healthy worker it comes to its end.
        schedule.LoseWorker("a");
        schedule.LoseWorker("b");
        schedule.LoseWorker("c");
        schedule.LoseWorker("d");
        while (state.CommittedParts < state.PartCount)
        {
            PartLease lease = Assert.Single(schedule.Assign(state, "e", 1, now));
            state = Commit(state, schedule, lease);
            AssertSound(state, schedule);
        }

        Assert.Empty(schedule.Leases);
        Assert.Empty(schedule.Assign(state, "e", 9, now));
    }

    private static JobState Step(JobState state, PartSchedule schedule, int action, string worker, int amount, DateTimeOffset now)
    {
        PartLease[] held = [.. schedule.Leases.Where(lease => lease.Worker == worker).OrderBy(lease => lease.Attempt.Number)];
        PartLease? one = held.Length > 0 ? held[amount % held.Length] : null;
        switch (action)
        {
            case 0 or 1:
                AssertAssigned(schedule, schedule.Leases.Count, schedule.Assign(state, worker, amount, now), amount);
                return state;
            case 2:
                schedule.LoseWorker(worker);
                return state;
            case 3:
                Assert.All(schedule.Expire(now), lease => Assert.True(lease.ExpiresAt <= now));
                Assert.All(schedule.Leases, lease => Assert.True(lease.ExpiresAt > now));
                return state;
            case 4 when one is not null:
                schedule.Release(one.Attempt, asFailure: amount % 2 == 0);
                return state;
            case 5 when one is not null:
                Assert.True(schedule.Renew(one.Attempt, worker, one.BytesDone + amount, workerMoves: false, now));
                return state;
            case 6 when amount == 0:
                state = state.Apply(new JobEvent.StagingCreated(0, state.Files[0].Generation + 1));
                schedule.Reopen(state, 0);
                return state;
            case 7 when amount < state.Files[0].PartCount:
                schedule.Suspect(0, amount);
                return state;
            case 8 or 9 when one is not null:
                return Commit(state, schedule, one);
            default:
                return state;
        }
    }

    private static JobState Commit(JobState state, PartSchedule schedule, PartLease lease)
    {
        state = state.Apply(Jobs.Committed(lease.File, [lease.Part], lease.Generation));
        schedule.Complete(lease.File, lease.Part);
        return state;
    }

    private static void AssertAssigned(PartSchedule schedule, int leasesBefore, IReadOnlyCollection<PartLease> assigned, int asked)
    {
        Assert.True(assigned.Count <= asked);
        if (assigned.Any(lease => lease.Mode == ReadMode.Positioned))
        {
            Assert.Equal((0, 1, 1), (leasesBefore, assigned.Count, schedule.Leases.Count));
        }
    }

    private static void AssertSound(JobState state, PartSchedule schedule)
    {
        var parts = schedule.Leases.Select(lease => (lease.File, lease.Part)).Distinct().ToList();
        Assert.All(schedule.Leases.GroupBy(lease => (lease.File, lease.Part)), attempts => Assert.InRange(attempts.Count(), 1, 2));
        Assert.Equal(schedule.Leases.Count, schedule.Leases.Select(lease => (lease.File, lease.Part, lease.Worker)).Distinct().Count());
        Assert.All(schedule.Leases, lease => Assert.False(state.Files[lease.File].IsCommitted(lease.Part)));
        Assert.All(schedule.Leases, lease => Assert.Equal(state.Files[lease.File].Generation, lease.Generation));
        Assert.True(schedule.Leases.Count == 1 || schedule.Leases.All(lease => lease.Mode == ReadMode.Mapped));
        Assert.Equal(state.PartCount, state.CommittedParts + parts.Count + schedule.OpenParts);
    }
}
