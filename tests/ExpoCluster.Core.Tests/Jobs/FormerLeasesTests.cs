using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class FormerLeasesTests
{
    private const string One = "10.0.0.1:4053#a";
    private const string Two = "10.0.0.2:4053#b";

    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset End = Now.AddSeconds(20);

    [Fact]
    public void They_are_left_until_every_worker_that_was_given_parts_has_answered()
    {
        FormerLeases former = FormerLeases.Of(TakenOver(One, Two), End);
        Assert.Equal([One, Two], former.Unanswered.Order(StringComparer.Ordinal));

        former.Settle(One);
        Assert.True(former.AreLeft(Now));
        former.Settle(Two);
        Assert.False(former.AreLeft(Now));
    }

    [Fact]
    public void A_worker_that_does_not_answer_is_waited_for_until_its_leases_have_run_out()
    {
        FormerLeases former = FormerLeases.Of(TakenOver(One), End);

        Assert.True(former.AreLeft(End.AddTicks(-1)));
        Assert.False(former.AreLeft(End));
    }

    [Fact]
    public void A_process_at_the_same_address_says_that_the_one_before_it_is_dead()
    {
        FormerLeases former = FormerLeases.Of(TakenOver(One, Two), End);

        former.Succeed("10.0.0.1:4053#c");
        former.Succeed("10.0.0.3:4053#b");
        former.Succeed(Two);

        Assert.Equal([Two], former.Unanswered);
    }

    [Fact]
    public void A_job_that_gave_nothing_out_has_none() =>
        Assert.False(FormerLeases.Of(TakenOver(), End).AreLeft(Now));

    [Fact]
    public void A_coordinator_that_named_no_workers_may_have_given_parts_to_anybody()
    {
        JobState state = Jobs.Staged().Apply(Second);

        Assert.True(FormerLeases.Of(state, End).AreLeft(Now));
        Assert.False(FormerLeases.Of(state.Apply(new JobEvent.LeasesSettled()).Apply(Third), End).AreLeft(Now));
    }

    [Fact]
    public void What_was_settled_once_is_not_asked_for_again()
    {
        JobState state = TakenOver(One, Two).Apply(new JobEvent.WorkerEngaged(Two)).Apply(new JobEvent.LeasesSettled()).Apply(Third);

        Assert.Equal([Two], FormerLeases.Of(state, End).Unanswered);
    }

    private static readonly JobEvent.CoordinatorStarted Second = new(2) { NamesWorkers = true };
    private static readonly JobEvent.CoordinatorStarted Third = new(3) { NamesWorkers = true };

    private static JobState TakenOver(params string[] workers)
    {
        JobState state = JobState.Empty.Apply(Jobs.Submission).Apply(Jobs.Plan).Apply(new JobEvent.CoordinatorStarted(1) { NamesWorkers = true });
        return workers.Aggregate(state, (known, worker) => known.Apply(new JobEvent.WorkerEngaged(worker))).Apply(Second);
    }
}
