using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

public sealed class JobStateTests
{
    [Fact]
    public void A_planned_job_runs_with_all_parts_open()
    {
        JobState state = Jobs.Planned();

        Assert.Equal((JobPhase.Running, 4, 0, "d1g"), (state.Phase, state.PartCount, state.CommittedParts, state.PlanDigest));
        Assert.All(state.Files, file => Assert.Equal(0, file.Generation));
    }

    [Fact]
    public void Committed_parts_and_their_bytes_are_counted()
    {
        JobState state = Jobs.Staged().Apply(Jobs.Committed(file: 0, parts: [0, 2]));

        Assert.Equal((2, 2), (state.CommittedParts, state.Files[0].CommittedParts));
        Assert.Equal(Jobs.PartBytes + (Jobs.FirstFileBytes - (2 * Jobs.PartBytes)), state.Files[0].CommittedBytes);
        Assert.True(state.Files[0].IsCommitted(2));
        Assert.False(state.Files[0].IsCommitted(1));
    }

    [Fact]
    public void A_new_staging_file_voids_what_was_committed_of_the_file_and_nothing_else()
    {
        JobState state = Jobs.Staged()
            .Apply(Jobs.Committed(file: 0, parts: [0, 1]))
            .Apply(Jobs.Committed(file: 1, parts: [0]))
            .Apply(new JobEvent.StagingCreated(0, 2));

        Assert.Equal((0, 1), (state.Files[0].CommittedParts, state.Files[1].CommittedParts));
        Assert.Equal((2, 1), (state.Files[0].Generation, state.Files[1].Generation));
    }

    [Fact]
    public void Lost_parts_are_open_again_and_break_the_seal_of_their_file_alone()
    {
        JobState state = Jobs.Sealed().Apply(new JobEvent.PartsLost(0, 1, [1]));

        Assert.Equal((2, 1), (state.Files[0].CommittedParts, state.Files[1].CommittedParts));
        Assert.False(state.Files[0].IsCommitted(1));
        Assert.False(state.Files[0].IsSealed);
        Assert.True(state.Files[1].IsSealed);
        Assert.Equal(1, state.Files[0].Generation);
        Assert.True(state.Apply(Jobs.Committed(0, [1])).Files[0].IsComplete);
    }

    [Fact]
    public void A_part_that_was_not_committed_cannot_be_lost() =>
        Assert.Throws<InvalidOperationException>(() => Jobs.Staged().Apply(new JobEvent.PartsLost(0, 1, [1])));

    [Fact]
    public void A_suspended_job_goes_back_to_where_it_was()
    {
        JobState suspended = Jobs.Sealed().Apply(new JobEvent.Publishing(["a"])).Apply(new JobEvent.Suspended("EXPO4001", "full", "make room"));
        Assert.Equal((JobPhase.Suspended, "full"), (suspended.Phase, suspended.Reason!.Message));
        Assert.True(suspended.IsPublishing);

        JobState resumed = suspended.Apply(new JobEvent.Resumed());

        Assert.Equal(JobPhase.Publishing, resumed.Phase);
        Assert.Null(resumed.Reason);
    }

    [Fact]
    public void A_failed_job_can_go_back_too() =>
        Assert.Equal(JobPhase.Running, Jobs.Staged().Apply(new JobEvent.Failed("EXPO1207", "changed", "restore")).Apply(new JobEvent.Resumed()).Phase);

    [Fact]
    public void All_sealed_it_can_be_published_and_is_done()
    {
        JobState state = Jobs.Sealed();
        Assert.True(state.AllSealed);

        state = state.Apply(new JobEvent.Publishing(["a", "b"]));
        Assert.Equal(["a", "b"], state.PublishedNames.ToArray());
        Assert.Equal(JobPhase.Done, state.Apply(new JobEvent.Published()).Phase);
    }

    [Fact]
    public void The_incarnation_is_the_coordinators_last() =>
        Assert.Equal(3, Jobs.Planned().Apply(new JobEvent.CoordinatorStarted(3)).Incarnation);

    [Theory]
    [InlineData("a part committed twice")]
    [InlineData("parts of another generation")]
    [InlineData("a generation that does not follow")]
    [InlineData("a seal of an incomplete file")]
    [InlineData("a second seal")]
    public void An_event_that_contradicts_the_state_is_refused(string contradiction)
    {
        JobState state = Jobs.Staged().Apply(Jobs.Committed(file: 1, parts: [0]));
        JobEvent journalled = contradiction switch
        {
            "a part committed twice" => Jobs.Committed(file: 1, parts: [0]),
            "parts of another generation" => Jobs.Committed(file: 0, parts: [0], generation: 2),
            "a generation that does not follow" => new JobEvent.StagingCreated(0, 1),
            "a seal of an incomplete file" => new JobEvent.FileSealed(0, 1, "x"),
            _ => new JobEvent.FileSealed(1, 1, "x"),
        };
        if (contradiction == "a second seal")
        {
            state = state.Apply(journalled);
        }

        Assert.Throws<InvalidOperationException>(() => state.Apply(journalled));
    }
}
