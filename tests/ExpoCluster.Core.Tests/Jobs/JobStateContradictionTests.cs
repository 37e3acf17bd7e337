using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>What each event does in each phase: it is applied, or it contradicts the state and throws.</summary>
public sealed class JobStateContradictionTests
{
    private static readonly JobEvent.Suspended Suspended = new("EXPO4001", "full", "make room");
    private static readonly JobEvent.Failed Failed = new("EXPO1207", "changed", "restore");

    // Columns: new, planning, running (complete), suspended (complete), sealed, publishing, suspended while publishing, done, failed, cancelled.
    [Theory]
    [InlineData("Submitted", "+.........")]
    [InlineData("Planned", ".+........")]
    [InlineData("CoordinatorStarted", "++++++++++")]
    [InlineData("WorkerEngaged", "..+++.+...")]
    [InlineData("LeasesSettled", "..+++.+...")]
    [InlineData("StagingCreated", "..+++.+...")]
    [InlineData("PartsCommitted", "..++......")]
    [InlineData("PartsLost", "..+++.....")]
    [InlineData("FileSealed", "..++......")]
    [InlineData("Suspended", "..+.++....")]
    [InlineData("Resumed", "...+..+.+.")]
    [InlineData("Publishing", "....+.....")]
    [InlineData("Published", ".....+....")]
    [InlineData("Failed", ".++++++...")]
    [InlineData("Cancelled", ".++++...+.")]
    public void An_event_is_applied_where_it_can_have_happened_and_nowhere_else(string name, string permitted)
    {
        // Of file 1 nothing is committed in the two states of incomplete files that PartsCommitted is asked of.
        bool ofIncomplete = name == "PartsCommitted";
        JobState running = ofIncomplete ? Jobs.Staged().Apply(Jobs.Committed(0, [0, 1, 2])) : Jobs.Complete();
        JobState publishing = Jobs.Sealed().Apply(new JobEvent.Publishing(["a"]));
        JobState[] states =
        [
            JobState.Empty, JobState.Empty.Apply(Jobs.Submission), running, running.Apply(Suspended), Jobs.Sealed(), publishing,
            publishing.Apply(Suspended), publishing.Apply(new JobEvent.Published()), running.Apply(Failed), running.Apply(new JobEvent.Cancelled()),
        ];

        string found = string.Concat(states.Select(state => IsApplied(state, name) ? '+' : '.'));

        Assert.Equal(permitted, found);
    }

    [Fact]
    public void A_seal_of_another_generation_is_refused() =>
        Assert.Throws<InvalidOperationException>(() => Jobs.Complete().Apply(new JobEvent.FileSealed(0, 2, "x")));

    [Fact]
    public void A_coordinator_that_does_not_follow_the_last_one_is_refused() =>
        Assert.Throws<InvalidOperationException>(() => Jobs.Planned().Apply(new JobEvent.CoordinatorStarted(1)));

    [Fact]
    public void A_job_that_failed_while_suspended_goes_back_to_what_was_suspended()
    {
        JobState state = Jobs.Staged().Apply(Suspended).Apply(Failed).Apply(new JobEvent.Resumed());

        Assert.Equal(JobPhase.Running, state.Phase);
    }

    [Fact]
    public void A_job_whose_publishing_was_suspended_and_then_failed_is_still_publishing()
    {
        JobState state = Jobs.Sealed().Apply(new JobEvent.Publishing(["a"])).Apply(Suspended).Apply(Failed);

        Assert.True(state.IsPublishing);
        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(state, new JobCommand.Cancel()));
        Assert.Equal(JobPhase.Publishing, state.Apply(new JobEvent.Resumed()).Phase);
    }

    [Fact]
    public void The_same_events_give_the_same_state_however_often_they_are_replayed()
    {
        JobEvent[] journal =
        [
            Jobs.Submission, Jobs.Plan, new JobEvent.CoordinatorStarted(1), new JobEvent.StagingCreated(0, 1), new JobEvent.StagingCreated(1, 1),
            Jobs.Committed(0, [2, 0]), Suspended, Jobs.Committed(0, [1]), new JobEvent.Resumed(), new JobEvent.CoordinatorStarted(2),
            Jobs.Committed(1, [0]), new JobEvent.FileSealed(0, 1, "one"), new JobEvent.FileSealed(1, 1, "two"), new JobEvent.Publishing(["a"]),
        ];

        // Each prefix of the journal, so that no event depends on anything but the ones before it.
        for (int count = 0; count <= journal.Length; count++)
        {
            Assert.Equal(Describe(Replay(journal[..count])), Describe(Replay(journal[..count])));
        }

        Assert.Equal(
            "Publishing 2 first:1:aaa:one second:1:a:two a", Describe(Replay(journal)));
    }

    private static JobState Replay(IEnumerable<JobEvent> journal) => journal.Aggregate(JobState.Empty, (state, journalled) => state.Apply(journalled));

    private static string Describe(JobState state) => string.Join(
        ' ',
        [
            $"{state.Phase}", $"{state.Incarnation}",
            .. state.Files.Select(file =>
                $"{file.File.Name}:{file.Generation}:{string.Concat(file.BlockDigests.Select(part => part is null ? '-' : 'a'))}:{file.Digest}"),
            .. state.PublishedNames,
        ]);

    private static bool IsApplied(JobState state, string name)
    {
        JobEvent journalled = name switch
        {
            "Submitted" => Jobs.Submission,
            "Planned" => Jobs.Plan,
            "CoordinatorStarted" => new JobEvent.CoordinatorStarted(9),
            "WorkerEngaged" => new JobEvent.WorkerEngaged("worker"),
            "LeasesSettled" => new JobEvent.LeasesSettled(),
            "StagingCreated" => new JobEvent.StagingCreated(1, 2),
            "PartsCommitted" => Jobs.Committed(1, [0]),
            "PartsLost" => new JobEvent.PartsLost(1, 1, [0]),
            "FileSealed" => new JobEvent.FileSealed(1, 1, "x"),
            "Suspended" => Suspended,
            "Resumed" => new JobEvent.Resumed(),
            "Publishing" => new JobEvent.Publishing(["a"]),
            "Published" => new JobEvent.Published(),
            "Failed" => Failed,
            _ => new JobEvent.Cancelled(),
        };
        try
        {
            state.Apply(journalled);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
