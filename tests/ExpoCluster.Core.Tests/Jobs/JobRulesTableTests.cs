using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;

namespace ExpoCluster.Core.Tests.Jobs;

/// <summary>Every command in every phase: (a)ccepted, (i)gnored or (r)ejected.</summary>
public sealed class JobRulesTableTests
{
    private static readonly JobReason Reason = new("EXPO4001", "full", "make room");
    private static readonly JobEvent.Suspended Suspended = new("EXPO4001", "full", "make room");

    // Columns: new, planning, staged, complete, suspended (complete), sealed, publishing, suspended while publishing, done, failed, cancelled.
    [Theory]
    [InlineData("Submit", "ariiiiiiiii")]
    [InlineData("TakeOver", "aaaaaaaaaaa")]
    [InlineData("Engage", "rraararrrrr")]
    [InlineData("SettleLeases", "rraaaararrr")]
    [InlineData("ReportStaging known", "rriiiirirrr")]
    [InlineData("ReportStaging next", "rraaaararrr")]
    [InlineData("ReportParts", "rraiiiiiiir")]
    [InlineData("ReportParts of another generation", "rrrrrrrrrrr")]
    [InlineData("ReportLostParts", "rriaaarrrri")]
    [InlineData("ReportSeal", "rrraaiiiirr")]
    [InlineData("BeginPublishing", "rrrrrairrrr")]
    [InlineData("CompletePublishing", "rrrrrrarirr")]
    [InlineData("Suspend", "iiaaiaaiiii")]
    [InlineData("Resume", "rriiaiiaiar")]
    [InlineData("Resume of another plan", "rrrrrrrrrrr")]
    [InlineData("Fail", "iaaaaaaaiii")]
    [InlineData("Cancel", "raaaaarrrai")]
    public void Each_command_in_each_phase(string name, string expected)
    {
        JobState whole = Jobs.Sealed();
        JobState publishing = whole.Apply(new JobEvent.Publishing(["a"]));
        JobState[] states =
        [
            JobState.Empty, JobState.Empty.Apply(Jobs.Submission), Jobs.Staged(), Jobs.Complete(), Jobs.Complete().Apply(Suspended), whole,
            publishing, publishing.Apply(Suspended), publishing.Apply(new JobEvent.Published()),
            Jobs.Complete().Apply(new JobEvent.Failed("EXPO1207", "changed", "restore")), Jobs.Staged().Apply(new JobEvent.Cancelled()),
        ];

        string found = string.Concat(states.Select(state => Letter(JobRules.Decide(state, Command(name)))));

        Assert.Equal(expected, found);
        foreach (JobState state in states)
        {
            ApplyAccepted(state, JobRules.Decide(state, Command(name)));
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void A_report_about_a_file_that_the_job_has_not_is_rejected(int file)
    {
        ImmutableArray<CommittedPart> parts = [Jobs.Part(0, 0)];

        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(Jobs.Staged(), new JobCommand.ReportParts(file, 1, parts)));
        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(Jobs.Staged(), new JobCommand.ReportStaging(file, 1)));
        Assert.IsType<JobDecision.Rejected>(JobRules.Decide(Jobs.Staged(), new JobCommand.ReportSeal(file, 1, "x")));
    }

    [Fact]
    public void A_late_report_of_an_older_attempt_is_as_good_as_any_when_its_bytes_are_the_same()
    {
        JobState state = Jobs.Staged().Apply(new JobEvent.CoordinatorStarted(7));

        Assert.IsType<JobDecision.Accepted>(JobRules.Decide(state, new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 2)])));
    }

    private static JobCommand Command(string name) => name switch
    {
        "Submit" => new JobCommand.Submit(Jobs.Submission, Jobs.Plan),
        "TakeOver" => new JobCommand.TakeOver(),
        "Engage" => new JobCommand.Engage("worker"),
        "SettleLeases" => new JobCommand.SettleLeases(),
        "ReportStaging known" => new JobCommand.ReportStaging(0, 1),
        "ReportStaging next" => new JobCommand.ReportStaging(0, 2),
        "ReportParts" => new JobCommand.ReportParts(0, 1, [Jobs.Part(0, 0)]),
        "ReportParts of another generation" => new JobCommand.ReportParts(0, 2, [Jobs.Part(0, 0)]),
        "ReportLostParts" => new JobCommand.ReportLostParts(0, 1, [0]),
        "ReportSeal" => new JobCommand.ReportSeal(0, 1, "one"),
        "BeginPublishing" => new JobCommand.BeginPublishing(["a"]),
        "CompletePublishing" => new JobCommand.CompletePublishing(),
        "Suspend" => new JobCommand.Suspend(Reason),
        "Resume" => new JobCommand.Resume("d1g"),
        "Resume of another plan" => new JobCommand.Resume("other"),
        "Fail" => new JobCommand.Fail(Reason),
        _ => new JobCommand.Cancel(),
    };

    private static char Letter(JobDecision decision) => decision switch
    {
        JobDecision.Accepted => 'a',
        JobDecision.Ignored => 'i',
        _ => 'r',
    };

    private static void ApplyAccepted(JobState state, JobDecision decision)
    {
        if (decision is JobDecision.Accepted accepted)
        {
            accepted.Events.Aggregate(state, (before, journalled) => before.Apply(journalled));
        }
    }
}
