using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class JobRulesTests
{
    private static readonly JobReason Reason = new("EXPO4001", "full", "make room");

    [Fact]
    public void A_new_job_is_submitted_planned_and_gets_its_first_coordinator() =>
        AssertEvents(
            [Jobs.Submission, Jobs.Plan, new JobEvent.CoordinatorStarted(1) { NamesWorkers = true }],
            JobRules.Decide(JobState.Empty, new JobCommand.Submit(Jobs.Submission, Jobs.Plan)));

    [Fact]
    public void The_same_submission_again_changes_nothing() =>
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Jobs.Staged(), new JobCommand.Submit(Jobs.Submission, Jobs.Plan)));

    [Fact]
    public void Another_plan_or_output_under_the_same_id_is_rejected()
    {
        AssertRejected("EXPO3012", JobRules.Decide(Jobs.Staged(), new JobCommand.Submit(Jobs.Submission, Jobs.Plan with { PlanDigest = "other" })));
        AssertRejected("EXPO3012", JobRules.Decide(Jobs.Staged(), new JobCommand.Submit(Jobs.Submission with { Output = "/other" }, Jobs.Plan)));
    }

    [Fact]
    public void Each_coordinator_counts_itself() =>
        AssertEvents([new JobEvent.CoordinatorStarted(2) { NamesWorkers = true }], JobRules.Decide(Jobs.Staged(), new JobCommand.TakeOver()));

    [Fact]
    public void A_staging_file_is_new_known_or_out_of_turn()
    {
        AssertEvents([new JobEvent.StagingCreated(0, 1)], JobRules.Decide(Jobs.Planned(), new JobCommand.ReportStaging(0, 1)));
        AssertEvents([new JobEvent.StagingCreated(0, 2)], JobRules.Decide(Jobs.Staged(), new JobCommand.ReportStaging(0, 2)));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Jobs.Staged(), new JobCommand.ReportStaging(0, 1)));
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Staged(), new JobCommand.ReportStaging(0, 3)));
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Sealed().Apply(new JobEvent.Publishing([])), new JobCommand.ReportStaging(0, 2)));
    }

    [Fact]
    public void Of_a_report_only_what_is_new_is_journalled()
    {
        JobState state = Jobs.Staged().Apply(Jobs.Committed(0, [0]));

        JobDecision decision = JobRules.Decide(state, new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 0), Jobs.Part(0, 1), Jobs.Part(0, 1)]));

        var committed = Assert.IsType<JobEvent.PartsCommitted>(Assert.Single(Assert.IsType<JobDecision.Accepted>(decision).Events));
        Assert.Equal([1], committed.Parts.Select(part => part.Part));
    }

    [Fact]
    public void A_report_that_is_all_known_is_ignored_in_every_phase()
    {
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Jobs.Complete(), new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 2)])));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(
            Jobs.Sealed().Apply(new JobEvent.Publishing([])), new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 2)])));
    }

    [Fact]
    public void A_report_of_another_generation_is_rejected() =>
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Staged(), new JobCommand.ReportParts(0, 2, [Jobs.Part(0, 0)])));

    [Fact]
    public void A_report_that_contradicts_what_is_committed_is_told_apart() =>
        AssertRejected("EXPO3002", JobRules.Decide(Jobs.Complete(), new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 1, fill: 9)])));

    [Fact]
    public void A_report_with_too_few_digests_is_a_contradiction() =>
        AssertRejected("EXPO3002", JobRules.Decide(Jobs.Staged(), new JobCommand.ReportParts(0, 1, [new CommittedPart(0, new byte[16])])));

    [Fact]
    public void Parts_are_committed_also_while_the_job_is_suspended()
    {
        JobState suspended = Jobs.Staged().Apply(new JobEvent.Suspended("c", "r", "a"));

        Assert.IsType<JobDecision.Accepted>(JobRules.Decide(suspended, new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 0)])));
    }

    [Fact]
    public void A_file_is_sealed_once_when_complete()
    {
        AssertEvents([new JobEvent.FileSealed(0, 1, "x")], JobRules.Decide(Jobs.Complete(), new JobCommand.ReportSeal(0, 1, "x")));
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Staged(), new JobCommand.ReportSeal(0, 1, "x")));
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Complete(), new JobCommand.ReportSeal(0, 2, "x")));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Jobs.Sealed(), new JobCommand.ReportSeal(0, 1, "one")));
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Sealed(), new JobCommand.ReportSeal(0, 1, "other")));
    }

    [Fact]
    public void Publishing_begins_when_everything_is_sealed_and_only_then()
    {
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Complete(), new JobCommand.BeginPublishing(["a"])));
        AssertEvents([new JobEvent.Publishing(["a"])], JobRules.Decide(Jobs.Sealed(), new JobCommand.BeginPublishing(["a"])));
        JobState publishing = Jobs.Sealed().Apply(new JobEvent.Publishing(["a"]));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(publishing, new JobCommand.BeginPublishing(["a"])));
        AssertEvents([new JobEvent.Published()], JobRules.Decide(publishing, new JobCommand.CompletePublishing()));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(publishing.Apply(new JobEvent.Published()), new JobCommand.CompletePublishing()));
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Sealed(), new JobCommand.CompletePublishing()));
    }

    [Fact]
    public void A_job_is_suspended_only_while_it_works()
    {
        AssertEvents([new JobEvent.Suspended("EXPO4001", "full", "make room")], JobRules.Decide(Jobs.Staged(), new JobCommand.Suspend(Reason)));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(JobState.Empty, new JobCommand.Suspend(Reason)));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Done(), new JobCommand.Suspend(Reason)));
    }

    [Fact]
    public void Resuming_asks_for_the_plan_and_wakes_what_rests()
    {
        JobState suspended = Jobs.Staged().Apply(new JobEvent.Suspended("c", "r", "a"));
        JobState failed = Jobs.Staged().Apply(new JobEvent.Failed("c", "r", "a"));

        AssertEvents([new JobEvent.Resumed()], JobRules.Decide(suspended, new JobCommand.Resume("d1g")));
        AssertEvents([new JobEvent.Resumed()], JobRules.Decide(failed, new JobCommand.Resume("d1g")));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Jobs.Staged(), new JobCommand.Resume("d1g")));
        AssertRejected("EXPO3008", JobRules.Decide(suspended, new JobCommand.Resume("other")));
        AssertRejected("EXPO3008", JobRules.Decide(JobState.Empty, new JobCommand.Resume("d1g")));
        AssertRejected("EXPO3008", JobRules.Decide(Jobs.Staged().Apply(new JobEvent.Cancelled()), new JobCommand.Resume("d1g")));
    }

    [Fact]
    public void A_job_that_has_ended_does_not_fail() =>
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Done(), new JobCommand.Fail(Reason)));

    [Fact]
    public void A_job_can_be_cancelled_until_files_appear_under_their_final_names()
    {
        JobState publishing = Jobs.Sealed().Apply(new JobEvent.Publishing(["a"]));

        AssertEvents([new JobEvent.Cancelled()], JobRules.Decide(Jobs.Staged(), new JobCommand.Cancel()));
        AssertEvents([new JobEvent.Cancelled()], JobRules.Decide(Jobs.Staged().Apply(new JobEvent.Failed("c", "r", "a")), new JobCommand.Cancel()));
        AssertRejected("EXPO3008", JobRules.Decide(publishing, new JobCommand.Cancel()));
        AssertRejected("EXPO3008", JobRules.Decide(publishing.Apply(new JobEvent.Suspended("c", "r", "a")), new JobCommand.Cancel()));
        AssertRejected("EXPO3008", JobRules.Decide(Done(), new JobCommand.Cancel()));
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Jobs.Staged().Apply(new JobEvent.Cancelled()), new JobCommand.Cancel()));
    }

    [Fact]
    public void Whatever_is_accepted_can_be_applied()
    {
        JobCommand[] commands =
        [
            new JobCommand.Submit(Jobs.Submission, Jobs.Plan), new JobCommand.TakeOver(), new JobCommand.ReportStaging(0, 1), new JobCommand.ReportStaging(0, 2),
            new JobCommand.ReportStaging(1, 1), new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 0), Jobs.Part(0, 1), Jobs.Part(0, 2)]),
            new JobCommand.ReportParts(0, 2, [Jobs.Part(0, 0), Jobs.Part(0, 1), Jobs.Part(0, 2)]), new JobCommand.ReportParts(1, 1, [Jobs.Part(1, 0)]),
            new JobCommand.ReportSeal(0, 1, "x"), new JobCommand.ReportSeal(0, 2, "x"), new JobCommand.ReportSeal(1, 1, "y"), new JobCommand.BeginPublishing(["a"]),
            new JobCommand.CompletePublishing(), new JobCommand.Suspend(Reason), new JobCommand.Resume("d1g"), new JobCommand.Fail(Reason), new JobCommand.Cancel(),
        ];
        var random = new Random(7);
        int done = 0;
        for (int history = 0; history < 3000; history++)
        {
            JobState state = JobState.Empty.Apply(Jobs.Submission).Apply(Jobs.Plan);
            for (int step = 0; step < 60; step++)
            {
                // Cancelling and failing end a history early, so they are rare.
                JobCommand command = commands[random.Next(random.Next(8) == 0 ? commands.Length : commands.Length - 2)];
                if (JobRules.Decide(state, command) is JobDecision.Accepted accepted)
                {
                    state = accepted.Events.Aggregate(state, (before, journalled) => before.Apply(journalled));
                }
            }

            done += state.Phase == JobPhase.Done ? 1 : 0;
        }

        Assert.True(done > 100, $"{done} histories came to their end");
    }

    private static JobState Done() => Jobs.Sealed().Apply(new JobEvent.Publishing(["a"])).Apply(new JobEvent.Published());

    private static void AssertEvents(JobEvent[] expected, JobDecision decision) =>
        Assert.Equal(expected, Assert.IsType<JobDecision.Accepted>(decision).Events);

    private static void AssertRejected(string code, JobDecision decision) =>
        Assert.Equal(code, Assert.IsType<JobDecision.Rejected>(decision).Code);
}
