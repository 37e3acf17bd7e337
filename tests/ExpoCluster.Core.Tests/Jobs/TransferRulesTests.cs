using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>A job that needs files of the Hub: what is journalled of them, and which parts wait.</summary>
public sealed class TransferRulesTests : IDisposable
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(20);
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    // Each checkpoint has a file of three parts and one of one.
    private readonly SmallPair pair = new();

    public void Dispose() => pair.Dispose();

    [Fact]
    public void A_file_is_reported_once_and_whoever_repeats_it_is_told_that_it_is_so()
    {
        JobState state = Planned(files: 2);

        var accepted = Assert.IsType<JobDecision.Accepted>(JobRules.Decide(state, new JobCommand.ReportTransfer(1)));
        JobState after = state.Apply(Assert.Single(accepted.Events));

        Assert.Equal([0], after.OpenTransfers);
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(after, new JobCommand.ReportTransfer(1)));
        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(after, new JobCommand.ReportTransfer(2)));
        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(after, new JobCommand.ReportTransfer(-1)));
        Assert.Throws<InvalidOperationException>(() => after.Apply(new JobEvent.FilesTransferred([1])));
    }

    [Fact]
    public void What_the_cache_had_at_the_start_is_not_fetched_but_can_be_lost()
    {
        JobState state = Planned(files: 2, wereThere: true);
        Assert.Empty(state.OpenTransfers);

        var accepted = Assert.IsType<JobDecision.Accepted>(JobRules.Decide(state, new JobCommand.ReportLost([1, 1, 7])));

        Assert.Equal([1], state.Apply(Assert.Single(accepted.Events)).OpenTransfers);
        Assert.IsType<JobDecision.Ignored>(JobRules.Decide(Planned(files: 2), new JobCommand.ReportLost([0])));
    }

    [Fact]
    public void A_report_is_welcome_while_the_job_rests_and_too_late_when_it_has_ended()
    {
        JobState suspended = Planned(files: 1).Apply(new JobEvent.Suspended("EXPO4001", "full", "make room"));
        JobState cancelled = Planned(files: 1).Apply(new JobEvent.Cancelled());

        Assert.IsType<JobDecision.Accepted>(JobRules.Decide(suspended, new JobCommand.ReportTransfer(0)));
        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(cancelled, new JobCommand.ReportTransfer(0)));
        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(Planned(1, true).Apply(new JobEvent.Cancelled()), new JobCommand.ReportLost([0])));
    }

    [Fact]
    public void Nothing_is_published_while_files_are_missing()
    {
        JobState complete = Planned(files: 1)
            .Apply(new JobEvent.StagingCreated(0, 1)).Apply(new JobEvent.StagingCreated(1, 1))
            .Apply(Jobs.Committed(0, [0, 1, 2])).Apply(Jobs.Committed(1, [0]))
            .Apply(new JobEvent.FileSealed(0, 1, "one")).Apply(new JobEvent.FileSealed(1, 1, "two"));

        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(complete, new JobCommand.BeginPublishing(["a"])));
        JobState there = complete.Apply(new JobEvent.FilesTransferred([0]));
        Assert.IsType<JobDecision.Accepted>(JobRules.Decide(there, new JobCommand.BeginPublishing(["a"])));
    }

    [Fact]
    public void The_recipe_of_the_record_is_the_one_with_commits()
    {
        Assert.Equal("{}", Jobs.Planned().RecipeJson);
        JobState pinned = JobState.Empty.Apply(Jobs.Submission).Apply(Jobs.Plan with { PinnedRecipeJson = "{pinned}" });

        Assert.Equal(("{pinned}", "{}"), (pinned.RecipeJson, pinned.Submission!.RecipeJson));
    }

    [Fact]
    public void A_part_lists_the_files_that_it_reads()
    {
        Plan plan = pair.Plan().Plan;
        ImmutableArray<JobTransfer> transfers = [.. plan.Inputs.Reverse().Select(input => new JobTransfer(input.Path, input.ByteLength, "", null))];

        var needs = PartNeeds.Of(plan, transfers);

        int last = plan.PartCount - 1;
        Assert.Equal(4, plan.Inputs.Length);
        Assert.All(Enumerable.Range(0, last), part => Assert.Equal([1, 3], needs.Of(part).ToArray()));
        Assert.Equal([0, 2], needs.Of(last).ToArray());
        Assert.Equal([last, 0, last, 0], Enumerable.Range(0, 4).Select(needs.FirstPartOf));
    }

    [Fact]
    public void Parts_whose_files_are_there_start_at_once_and_the_others_wait()
    {
        (JobState state, PartNeeds needs) = PlannedPair();
        var schedule = new PartSchedule(state, Duration);
        Assert.True(schedule.AwaitsFiles);
        Assert.Empty(schedule.Assign(state, "a", 9, Now));

        state = state.Apply(new JobEvent.FilesTransferred([1, 3]));
        schedule.SeeInputs(state, needs);
        Assert.False(schedule.AwaitsFiles);
        Assert.Equal([(1, 0)], Names(schedule.Assign(state, "a", 9, Now)));
        schedule.Complete(1, 0);
        Assert.True(schedule.AwaitsFiles);

        state = state.Apply(new JobEvent.FilesTransferred([0, 2]));
        schedule.SeeInputs(state, needs);
        Assert.Equal([(0, 0), (0, 1), (0, 2)], Names(schedule.Assign(state, "a", 9, Now)));
    }

    [Fact]
    public void A_part_whose_file_was_lost_waits_until_it_is_there_again()
    {
        (JobState state, PartNeeds needs) = PlannedPair();
        state = state.Apply(new JobEvent.FilesTransferred([0, 1, 2, 3]));
        var schedule = new PartSchedule(state, Duration);
        PartLease lease = schedule.Assign(state, "a", 1, Now)[0];

        state = state.Apply(new JobEvent.FilesLost([0]));
        schedule.SeeInputs(state, needs);
        schedule.Release(lease.Attempt, asFailure: false);
        Assert.Equal([(1, 0)], Names(schedule.Assign(state, "a", 9, Now)));

        state = state.Apply(new JobEvent.FilesTransferred([0]));
        schedule.SeeInputs(state, needs);
        Assert.Equal([(0, 0), (0, 1), (0, 2)], Names(schedule.Assign(state, "b", 9, Now)));
    }

    [Fact]
    public void While_nobody_knows_what_parts_read_a_worker_that_computes_one_keeps_it()
    {
        (JobState state, _) = PlannedPair();
        var schedule = new PartSchedule(state, Duration);

        Assert.True(schedule.Adopt(state, new Attempt(1, 1), file: 0, part: 1, generation: 1, "a", Now));
        Assert.False(schedule.AwaitsFiles);
    }

    internal static JobState Planned(int files, bool wereThere = false) => JobState.Empty.Apply(Jobs.Submission)
        .Apply(Jobs.Plan with
        {
            Transfers = [.. Enumerable.Range(0, files).Select(file => new JobTransfer($"hf:org/name@{new string('a', 40)}/{file}", 100, "oid", null) { WasThere = wereThere })],
        })
        .Apply(new JobEvent.CoordinatorStarted(1));

    private static IEnumerable<(int File, int Part)> Names(IEnumerable<PartLease> leases) => leases.Select(lease => (lease.File, lease.Part));

    private (JobState State, PartNeeds Needs) PlannedPair()
    {
        Plan plan = pair.Plan().Plan;
        ImmutableArray<JobTransfer> transfers = [.. plan.Inputs.Select(input => new JobTransfer(input.Path, input.ByteLength, "", null))];
        JobState state = JobState.Empty.Apply(Jobs.Submission)
            .Apply(new JobEvent.Planned("d1g", 1, 32 << 20, [.. plan.Files.Select(file => new JobFile(file.Name, file.ByteLength))]) { Transfers = transfers })
            .Apply(new JobEvent.CoordinatorStarted(1))
            .Apply(new JobEvent.StagingCreated(0, 1)).Apply(new JobEvent.StagingCreated(1, 1));
        return (state, PartNeeds.Of(plan, transfers));
    }
}
