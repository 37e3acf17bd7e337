using Akka.Actor;
using Akka.TestKit;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Tests;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Tests.Coordination;

/// <summary>The coordinator between probes that play its writers and workers. The job has a file of three parts and one of one.</summary>
public sealed class CoordinatorTests : ClusterTestKit
{
    private const string Job = "job1";
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(20);

    private readonly SmallPair pair = new();
    private readonly PlannedMerge merge;
    private readonly PlanStore plans = new();
    private readonly ManualClock clock = new();
    private readonly TestProbe writers;
    private readonly TestProbe worker;
    private readonly TestProbe user;
    private readonly List<int> inFlight = [];

    public CoordinatorTests()
    {
        RefusableJournal.Refusals = 0;
        merge = pair.Plan();
        Directory.CreateDirectory(pair.Output.Workspace);
        plans.Save(pair.Output.Plan(Job), merge.Plan);
        writers = CreateTestProbe();
        worker = CreateTestProbe();
        user = CreateTestProbe();
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        pair.Dispose();
    }

    [Fact]
    public void A_submitted_job_is_accepted_and_its_files_are_prepared()
    {
        IActorRef coordinator = Start();
        coordinator.Tell(Submission(), user);

        user.ExpectMsg<JobAccepted>(Soon);
        Assert.Equal([0, 1], new[] { writers.ExpectMsg<PrepareFile>(Soon).File, writers.ExpectMsg<PrepareFile>(Soon).File });
    }

    [Fact]
    public void Submitting_again_is_accepted_but_another_plan_under_the_same_id_is_rejected()
    {
        IActorRef coordinator = Start();
        coordinator.Tell(Submission(), user);
        user.ExpectMsg<JobAccepted>(Soon);

        coordinator.Tell(Submission(), user);
        user.ExpectMsg<JobAccepted>(Soon);

        SubmitJob other = Submission();
        other.PlanDigest = "another";
        coordinator.Tell(other, user);
        Assert.Equal("EXPO3012", user.ExpectMsg<JobRejected>(Soon).Code);
    }

    [Fact]
    public void No_part_is_given_out_before_all_staging_files_exist()
    {
        IActorRef coordinator = Submitted();
        coordinator.Tell(Staging(file: 0), writers);
        Fish<StagingAcknowledged>(writers);

        coordinator.Tell(Request(4), worker);
        worker.ExpectMsg<NoParts>(Soon);

        coordinator.Tell(Staging(file: 1), writers);
        Fish<StagingAcknowledged>(writers);
        Fish<WorkAvailable>(worker);
        coordinator.Tell(Request(4), worker);
        Assert.Equal(4, Fish<AssignParts>(worker).Parts.Count);
    }

    [Fact]
    public void A_worker_gets_no_more_than_it_asks_for_and_contiguous_parts()
    {
        IActorRef coordinator = Running();

        coordinator.Tell(Request(2), worker);
        AssignParts first = Fish<AssignParts>(worker);
        coordinator.Tell(Request(1), worker);
        AssignParts second = Fish<AssignParts>(worker);

        Assert.Equal([0, 1], first.Parts.Select(part => part.Part));
        Assert.Equal([2], second.Parts.Select(part => part.Part));
        Assert.Equal(1, first.Incarnation);
    }

    [Fact]
    public void Parts_are_acknowledged_only_when_they_are_journalled()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(1), worker);
        Fish<AssignParts>(worker);
        Watch(coordinator);
        RefusableJournal.Refusals = 1;

        coordinator.Tell(Report(file: 0, parts: 0), writers);

        ExpectTerminated(coordinator, Soon);
        Assert.Empty(Said<PartsAcknowledged>(writers, Quiet));
    }

    [Fact]
    public void After_a_failed_journal_the_repeated_report_is_committed_by_the_next_incarnation()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(1), worker);
        Fish<AssignParts>(worker);
        Watch(coordinator);
        RefusableJournal.Refusals = 1;
        coordinator.Tell(Report(file: 0, parts: 0), writers);
        ExpectTerminated(coordinator, Soon);

        IActorRef next = Start();
        next.Tell(Report(file: 0, parts: 0), writers);

        Assert.Equal([0], Fish<PartsAcknowledged>(writers).Parts);
        Assert.Equal(1, Progress(next).Committed);
    }

    [Fact]
    public void Watchers_are_told_when_the_journal_refuses()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(new WatchJob { Job = Job }, user);
        Fish<JobProgress>(user);
        RefusableJournal.Refusals = 1;

        coordinator.Tell(Report(file: 0, parts: 0), writers);

        JobProgress last = Fish<JobProgress>(user, progress => progress.JournalFailed);
        Assert.Equal("EXPO4005", last.Reason.Code);
    }

    [Fact]
    public void A_repeated_report_whose_acknowledgement_was_lost_is_acknowledged_and_counted_once()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Report(file: 0, parts: [0, 1]), writers);
        Fish<PartsAcknowledged>(writers);

        coordinator.Tell(Report(file: 0, parts: [0, 1]), writers);

        Assert.Equal([0, 1], Fish<PartsAcknowledged>(writers).Parts);
        JobProgress progress = Progress(coordinator);
        Assert.Equal(2, progress.Committed);
        Assert.Equal(2 * 1000, progress.BytesRead);
    }

    [Fact]
    public void Progress_says_which_parts_are_committed_how_slow_they_were_and_what_failed()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(3), worker);
        AssignParts assigned = Fish<AssignParts>(worker);
        clock.Advance(TimeSpan.FromSeconds(2));
        coordinator.Tell(ReportOf(assigned, file: 0, parts: 2), writers);
        Fish<PartsAcknowledged>(writers);
        coordinator.Tell(Returned(assigned, ReturnKind.Transient), worker);
        Fish<ReturnAcknowledged>(worker);

        JobProgress progress = Progress(coordinator);

        Assert.Equal([0b100], progress.Files[0].CommittedParts.ToByteArray());
        Assert.Equal([0], progress.Files[1].CommittedParts.ToByteArray());
        SlowPart slow = Assert.Single(progress.Slowest);
        Assert.Equal((0, 2, 2000), (slow.File, slow.Part, slow.Ms));
        Assert.Equal((3, 1), (progress.Attempts, progress.FailedAttempts));
        Assert.Equal((0, 0), (Assert.Single(progress.Failures).File, progress.Failures[0].Part));
    }

    [Fact]
    public void A_late_report_of_the_same_generation_is_welcome()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(1), worker);
        Fish<AssignParts>(worker);
        clock.Advance(Lease);
        Fish<WorkAvailable>(worker);

        coordinator.Tell(Report(file: 0, parts: 0), writers);

        Fish<PartsAcknowledged>(writers);
        Assert.Equal(1, Progress(coordinator).Committed);
    }

    [Fact]
    public void A_report_of_an_older_generation_is_never_committed()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Staging(file: 0, generation: 2), writers);
        Fish<StagingAcknowledged>(writers, message => message.Generation == 2);

        coordinator.Tell(Report(file: 0, parts: 0), writers);

        Fish<PartsAcknowledged>(writers);
        Assert.Equal(0, Progress(coordinator).Committed);
    }

    [Fact]
    public void Reports_of_files_and_parts_that_do_not_exist_do_no_harm()
    {
        IActorRef coordinator = Running();
        PartsReported strange = Report(file: 0, parts: 0);
        strange.File = 7;
        coordinator.Tell(strange, writers);
        coordinator.Tell(Staging(file: 7), writers);
        coordinator.Tell(new DescribeFile { Job = Job, File = 7 }, writers);
        Fish<FileEnded>(writers);

        coordinator.Tell(Report(file: 0, parts: 0), writers);

        Fish<PartsAcknowledged>(writers, message => message.File == 0);
        Assert.Equal(1, Progress(coordinator).Committed);
    }

    [Fact]
    public void A_new_staging_file_uncommits_the_parts_of_the_old_one()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Report(file: 0, parts: [0, 1]), writers);
        Fish<PartsAcknowledged>(writers);

        coordinator.Tell(Staging(file: 0, generation: 2), writers);

        Fish<StagingAcknowledged>(writers, message => message.Generation == 2);
        Assert.Equal(0, Progress(coordinator).Committed);
    }

    [Fact]
    public void Two_results_for_one_part_fail_the_job()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Report(file: 0, parts: 0), writers);
        Fish<PartsAcknowledged>(writers);

        PartsReported other = Report(file: 0, parts: 0);
        other.Parts[0].BlockDigests = ByteString.CopyFrom([.. Enumerable.Repeat((byte)0xEE, 8 * BlockDigest.ByteCount)]);
        coordinator.Tell(other, writers);

        JobProgress progress = AwaitState(coordinator, "failed");
        Assert.Equal("EXPO3002", progress.Reason.Code);
    }

    [Fact]
    public void A_lease_without_progress_ends_and_its_part_is_offered_again()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(4), worker);
        AssignParts assigned = Fish<AssignParts>(worker);

        clock.Advance(Lease / 2);
        coordinator.Tell(Renewal(assigned, bytesDone: 100), worker);
        Assert.Equal(4, Fish<LeasesRenewed>(worker).Renewed.Count);
        clock.Advance(Lease / 2);
        coordinator.Tell(Renewal(assigned, bytesDone: 100), worker);
        Assert.Equal(4, Fish<LeasesRenewed>(worker).Renewed.Count);
        clock.Advance(Lease / 2);
        Fish<WorkAvailable>(worker);

        coordinator.Tell(Request(4), worker);
        Assert.Equal(4, Fish<AssignParts>(worker).Parts.Count);
        coordinator.Tell(Renewal(assigned, bytesDone: 200), worker);
        Assert.Equal(4, Fish<LeasesRenewed>(worker).Lost.Count);
    }

    [Fact]
    public void A_part_that_fails_again_and_again_fails_the_job()
    {
        IActorRef coordinator = Running();
        for (int time = 0; time < 4; time++)
        {
            coordinator.Tell(Request(4), worker);
            AssignParts assigned = Fish<AssignParts>(worker);
            for (int part = 0; part < 4; part++)
            {
                coordinator.Tell(Returned(assigned, ReturnKind.Transient, part), worker);
                Fish<ReturnAcknowledged>(worker);
            }
        }

        Assert.Contains("4 times", AwaitState(coordinator, "failed").Reason.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_input_fails_the_job_at_once_and_the_workers_stop()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(2), worker);
        AssignParts assigned = Fish<AssignParts>(worker);

        coordinator.Tell(Returned(assigned, ReturnKind.Input), worker);

        Fish<JobEnded>(worker);
        Assert.Equal("EXPO9999", AwaitState(coordinator, "failed").Reason.Code);
    }

    [Fact]
    public void What_the_only_worker_cannot_compute_fails_the_job()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(2), worker);

        coordinator.Tell(Returned(Fish<AssignParts>(worker), ReturnKind.Declined), worker);

        Assert.Equal("EXPO9999", AwaitState(coordinator, "failed").Reason.Code);
    }

    // One node of an older version must not fail a job that others can compute.
    [Fact]
    public void A_worker_that_declines_gets_nothing_more_and_the_job_goes_on_elsewhere()
    {
        IActorRef coordinator = Running(ofCluster: true);
        coordinator.Tell(Request(2), worker);
        AssignParts assigned = Fish<AssignParts>(worker);
        coordinator.Tell(Returned(assigned, ReturnKind.Declined, 0), worker);
        coordinator.Tell(Returned(assigned, ReturnKind.Declined, 1), worker);
        coordinator.Tell(Request(2), worker);
        Fish<NoParts>(worker);
        JobProgress waiting = Progress(coordinator);
        Assert.Equal(("EXPO3004", "queued"), (waiting.Reason.Code, waiting.State));
        Assert.Contains("says the test", waiting.Reason.Message, StringComparison.Ordinal);
        TestProbe newer = CreateTestProbe();

        coordinator.Tell(Request(2, "newer"), newer);

        AssignParts again = Fish<AssignParts>(newer);
        Assert.Equal(assigned.Parts.Select(part => (part.File, part.Part)), again.Parts.Select(part => (part.File, part.Part)));
        coordinator.Tell(ReportOf(again, file: 0, parts: [0, 1]), writers);
        Fish<PartsAcknowledged>(writers);
        Assert.Equal(2, Progress(coordinator).Committed);
    }

    [Fact]
    public void Full_storage_suspends_the_job_and_resuming_goes_on()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Report(file: 1, parts: 0), writers);
        Fish<PartsAcknowledged>(writers);
        coordinator.Tell(Request(2), worker);
        AssignParts assigned = Fish<AssignParts>(worker);
        coordinator.Tell(Returned(assigned, ReturnKind.Storage), worker);
        AwaitState(coordinator, "suspended");

        coordinator.Tell(new ResumeJob { Job = Job, PlanDigest = merge.Plan.Digest }, user);

        Fish<JobAccepted>(user);
        JobProgress progress = AwaitState(coordinator, "running");
        Assert.Equal(1, progress.Committed);
        Assert.Null(progress.Reason);
    }

    [Fact]
    public void Full_storage_at_reservation_suspends_the_job_before_any_part_is_given_out()
    {
        IActorRef coordinator = Submitted();

        coordinator.Tell(
            new StagingRefused { Job = Job, File = 0, Code = "EXPO4001", Message = "full", Advice = "make room", Storage = true }, writers);

        Assert.Equal("EXPO4001", AwaitState(coordinator, "suspended").Reason.Code);
        coordinator.Tell(Request(4), worker);
        Fish<NoParts>(worker);
    }

    [Fact]
    public void A_recovered_coordinator_knows_what_is_committed_and_counts_its_incarnation()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Report(file: 0, parts: [0, 2]), writers);
        Fish<PartsAcknowledged>(writers);
        Kill(coordinator);

        IActorRef next = Start();

        JobProgress progress = Progress(next);
        Assert.Equal((2, 2), (progress.Committed, progress.Reused));
        Prepared(next);
        next.Tell(Request(4), worker);
        AssignParts assigned = Fish<AssignParts>(worker);
        Assert.Equal(2, assigned.Incarnation);
        Assert.Equal([(0, 1), (1, 0)], assigned.Parts.Select(part => (part.File, part.Part)));
    }

    [Fact]
    public void A_recovered_coordinator_adopts_the_work_in_flight()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(2), worker);
        AssignParts assigned = Fish<AssignParts>(worker);
        Kill(coordinator);
        IActorRef next = Start();
        Prepared(next);

        next.Tell(Renewal(assigned, bytesDone: 10), worker);

        Assert.Equal(2, Fish<LeasesRenewed>(worker).Renewed.Count);
        next.Tell(Request(4), worker);
        Assert.Equal(2, Fish<AssignParts>(worker).Parts.Count);
    }

    [Fact]
    public void A_recovered_coordinator_seals_when_the_workers_before_it_have_said_what_they_hold()
    {
        IActorRef next = TakenOverWithAllButOnePart(out AssignParts _);
        Fish<ReportLeases>(worker, question => question.Incarnation == 2);
        next.Tell(Report(file: 1, parts: 0), writers);
        Fish<PartsAcknowledged>(writers);
        writers.ExpectNoMsg(Quiet);

        next.Tell(new LeasesHeld { Job = Job, Worker = "first", Incarnation = 2 }, worker);

        Assert.Equal(1, Fish<SealFile>(writers).File);
    }

    [Fact]
    public void What_a_worker_says_that_it_holds_is_taken_over()
    {
        IActorRef next = TakenOverWithAllButOnePart(out AssignParts assigned);

        next.Tell(Held(assigned, incarnation: 2), worker);
        Assert.Single(Fish<LeasesRenewed>(worker).Renewed);
        next.Tell(ReportOf(assigned, file: 1, parts: 0), writers);

        Assert.Equal(1, Fish<SealFile>(writers).File);
    }

    [Fact]
    public void A_worker_that_still_writes_what_was_committed_meanwhile_is_waited_for_until_it_has_stopped()
    {
        IActorRef next = TakenOverWithAllButOnePart(out AssignParts assigned);
        next.Tell(ReportOf(assigned, file: 1, parts: 0), writers);
        Fish<PartsAcknowledged>(writers);

        next.Tell(Held(assigned, incarnation: 2), worker);
        Fish<LeasesRenewed>(worker, answer => answer.Lost.Count == 1);
        writers.ExpectNoMsg(Quiet);
        clock.Advance(TimeSpan.FromSeconds(1));
        Fish<ReportLeases>(worker);
        next.Tell(new LeasesHeld { Job = Job, Worker = "first", Incarnation = 2 }, worker);

        Assert.Equal(1, Fish<SealFile>(writers).File);
    }

    [Fact]
    public void What_a_worker_held_when_an_earlier_coordinator_asked_settles_nothing()
    {
        IActorRef next = TakenOverWithAllButOnePart(out AssignParts _);
        next.Tell(Report(file: 1, parts: 0), writers);
        Fish<PartsAcknowledged>(writers);

        next.Tell(new LeasesHeld { Job = Job, Worker = "first", Incarnation = 1 }, worker);
        writers.ExpectNoMsg(Quiet);
        clock.Advance(Lease);

        Assert.Equal(1, Fish<SealFile>(writers).File);
    }

    // The worker has part 0 of file 1 from the coordinator before this one.
    private IActorRef TakenOverWithAllButOnePart(out AssignParts assigned)
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Report(file: 0, parts: [0, 1, 2]), writers);
        Fish<PartsAcknowledged>(writers);
        coordinator.Tell(Request(1), worker);
        assigned = Fish<AssignParts>(worker);
        Assert.Equal((1, 0), (assigned.Parts[0].File, assigned.Parts[0].Part));
        coordinator.Tell(new ShardSealed { Job = Job, File = 0, Generation = 1, Digest = Fish<SealFile>(writers).Digest }, writers);
        Fish<SealAcknowledged>(writers);
        Kill(coordinator);
        IActorRef next = Start();
        Prepared(next);
        // It is known to the new one when it says anything at all.
        next.Tell(new RenewLeases { Job = Job, Worker = "first" }, worker);
        Progress(next);
        clock.Advance(TimeSpan.FromSeconds(1));
        return next;
    }

    private static LeasesHeld Held(AssignParts assigned, int incarnation)
    {
        var held = new LeasesHeld { Job = Job, Worker = "first", Incarnation = incarnation };
        held.Leases.AddRange(Renewal(assigned, bytesDone: 10).Leases);
        return held;
    }

    [Fact]
    public void An_embedded_coordinator_waits_for_the_command_and_runs_suspects_alone_through_positioned_reads()
    {
        Kill(Running());
        IActorRef next = Start(awaitResume: true);
        Prepared(next, isAcknowledged: false);
        next.Tell(Request(4), worker);
        Fish<NoParts>(worker);

        var resumption = new ResumeJob { Job = Job, PlanDigest = merge.Plan.Digest, NoSurvivors = true };
        resumption.Suspects.Add(new PartName { File = 0, Part = 2 });
        next.Tell(resumption, user);
        Fish<JobAccepted>(user);
        Prepared(next);

        next.Tell(Request(4), worker);
        Assignment alone = Assert.Single(Fish<AssignParts>(worker).Parts);
        Assert.Equal((0, 2, true), (alone.File, alone.Part, alone.PositionedReads));
        next.Tell(Request(4), worker);
        Fish<NoParts>(worker);
        next.Tell(Report(file: 0, parts: 2), writers);
        Fish<WorkAvailable>(worker);
        next.Tell(Request(4), worker);
        Assert.Equal(3, Fish<AssignParts>(worker).Parts.Count(part => !part.PositionedReads));
    }

    [Fact]
    public void Resuming_with_another_plan_is_rejected()
    {
        Kill(Running());
        IActorRef next = Start(awaitResume: true);

        next.Tell(new ResumeJob { Job = Job, PlanDigest = "another" }, user);

        Assert.Contains("--restart", Fish<JobRejected>(user).Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_is_sealed_only_when_it_is_complete_and_nobody_else_has_a_lease_on_it()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(3), worker);
        AssignParts assigned = Fish<AssignParts>(worker);
        clock.Advance(Lease);
        Fish<WorkAvailable>(worker);
        TestProbe second = CreateTestProbe();
        coordinator.Tell(Request(4, "second"), second);
        AssignParts by = Fish<AssignParts>(second);

        coordinator.Tell(ReportOf(by, file: 0, parts: [0, 1]), writers);
        Fish<PartsAcknowledged>(writers);
        writers.ExpectNoMsg(Quiet);
        coordinator.Tell(ReportOf(by, file: 0, parts: 2), writers);

        SealFile seal = Fish<SealFile>(writers);
        Assert.Equal((0, 1), (seal.File, seal.Generation));
        Assert.NotEmpty(assigned.Parts);
        Assert.Equal(64, seal.Digest.Length);
    }

    [Fact]
    public void A_seal_whose_report_was_lost_is_asked_for_again_and_acknowledged_twice()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Report(file: 1, parts: 0), writers);
        SealFile first = Fish<SealFile>(writers);
        clock.Advance(TimeSpan.FromSeconds(1));
        SealFile again = Fish<SealFile>(writers);
        Assert.Equal(first.Digest, again.Digest);

        coordinator.Tell(new ShardSealed { Job = Job, File = 1, Generation = 1, Digest = first.Digest }, writers);
        Fish<SealAcknowledged>(writers);
        coordinator.Tell(new ShardSealed { Job = Job, File = 1, Generation = 1, Digest = first.Digest }, writers);
        Fish<SealAcknowledged>(writers);

        Assert.True(Progress(coordinator).Files[1].Sealed);
    }

    [Fact]
    public void Draining_gives_out_nothing_more_and_answers_when_nothing_is_under_way()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(1), worker);
        Fish<AssignParts>(worker);

        coordinator.Tell(new DrainJob { Job = Job }, user);
        coordinator.Tell(Request(4), worker);
        Fish<NoParts>(worker);
        user.ExpectNoMsg(Quiet);
        coordinator.Tell(Report(file: 0, parts: 0), writers);

        Fish<JobDrained>(user);
    }

    [Fact]
    public void Cancelling_ends_the_work_and_removes_the_staging()
    {
        IActorRef coordinator = Running();
        string staging = pair.Output.Staging(Job, 1);
        Directory.CreateDirectory(staging);
        coordinator.Tell(Request(1), worker);
        Fish<AssignParts>(worker);

        coordinator.Tell(new CancelJob { Job = Job }, user);

        Fish<JobAccepted>(user);
        Fish<JobEnded>(worker);
        Fish<FileEnded>(writers);
        AwaitCondition(() => !Directory.Exists(staging), Soon);
        Assert.Equal("cancelled", Progress(coordinator).State);
    }

    [Fact]
    public void The_parts_under_way_are_told_before_a_worker_gets_them()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(2), worker);
        Fish<AssignParts>(worker);
        Assert.Equal([0, 1], inFlight);

        coordinator.Tell(Report(file: 0, parts: 0), writers);
        Fish<PartsAcknowledged>(writers);

        AwaitAssert(() => Assert.Equal([1], inFlight), Soon);
    }

    [Fact]
    public void Of_a_job_with_very_many_files_news_come_less_often()
    {
        IActorRef coordinator = Start();
        SubmitJob submission = Submission();
        submission.Files.AddRange(Enumerable.Range(0, 10_000).Select(file => new PlannedFileFact { Name = "f" + file, ByteLength = 500 }));
        coordinator.Tell(submission, user);
        user.ExpectMsg<JobAccepted>(Soon);
        coordinator.Tell(new WatchJob { Job = Job }, user);
        Fish<JobProgress>(user);
        Assert.InRange(Said<JobProgress>(user, Quiet).Count, 0, 1);

        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Single(Said<JobProgress>(user, Quiet));
    }

    private IActorRef Start(bool awaitResume = false, bool ofCluster = false) => Sys.ActorOf(Coordinator.PropsFor(
        Job,
        writers,
        plans,
        new CoordinatorSettings
        {
            Version = "test",
            LeaseDuration = Lease,
            TickInterval = TimeSpan.FromMilliseconds(20),
            AwaitResume = awaitResume,
            Admission = ofCluster ? new OutputAdmission(rows: null) : null,
            InFlight = leases =>
            {
                inFlight.Clear();
                inFlight.AddRange(leases.Select(lease => lease.Part).Order());
            },
        },
        clock));

    private IActorRef Submitted(bool ofCluster = false)
    {
        IActorRef coordinator = Start(ofCluster: ofCluster);
        coordinator.Tell(Submission(), user);
        user.ExpectMsg<JobAccepted>(Soon);
        return coordinator;
    }

    private IActorRef Running(bool ofCluster = false)
    {
        IActorRef coordinator = Submitted(ofCluster);
        Prepared(coordinator);
        return coordinator;
    }

    private void Prepared(IActorRef coordinator, bool isAcknowledged = true)
    {
        for (int file = 0; file < 2; file++)
        {
            int prepared = file;
            coordinator.Tell(Staging(file), writers);
            if (isAcknowledged)
            {
                Fish<StagingAcknowledged>(writers, message => message.File == prepared);
            }
        }
    }

    private void Kill(IActorRef coordinator)
    {
        Watch(coordinator);
        coordinator.Tell(PoisonPill.Instance);
        ExpectTerminated(coordinator, Soon);
    }

    private JobProgress Progress(IActorRef coordinator)
    {
        TestProbe asker = CreateTestProbe();
        coordinator.Tell(new WatchJob { Job = Job }, asker);
        return Fish<JobProgress>(asker);
    }

    private JobProgress AwaitState(IActorRef coordinator, string state)
    {
        TestProbe asker = CreateTestProbe();
        coordinator.Tell(new WatchJob { Job = Job }, asker);
        return Fish<JobProgress>(asker, progress => progress.State == state);
    }

    private SubmitJob Submission()
    {
        var submission = new SubmitJob
        {
            Job = Job, RecipeJson = "{}", Output = pair.Output.Root, PlanDigest = merge.Plan.Digest, NumericsVersion = 1,
        };
        submission.Files.AddRange(merge.Plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        return submission;
    }

    private static StagingReported Staging(int file, int generation = 1) => new() { Job = Job, File = file, Generation = generation };

    private static RequestParts Request(int count, string worker = "first") => new() { Job = Job, Worker = worker, Count = count };

    private PartsReported Report(int file, params int[] parts)
    {
        var report = new PartsReported { Job = Job, File = file, Generation = 1 };
        report.Parts.AddRange(parts.Select(part => new ReportedPart
        {
            Part = part, BytesRead = 1000, BlockDigests = ByteString.CopyFrom(new byte[DigestBytes(file, part)]),
        }));
        return report;
    }

    private PartsReported ReportOf(AssignParts by, int file, params int[] parts)
    {
        PartsReported report = Report(file, parts);
        foreach (ReportedPart part in report.Parts)
        {
            part.Incarnation = by.Incarnation;
            part.Number = by.Parts.Single(assigned => assigned.File == file && assigned.Part == part.Part).Number;
        }

        return report;
    }

    [Fact]
    public void A_straggler_is_run_a_second_time_and_the_file_is_sealed_when_the_slow_one_has_stopped()
    {
        IActorRef coordinator = Running();
        coordinator.Tell(Request(4), worker);
        AssignParts slow = Fish<AssignParts>(worker);
        clock.Advance(Lease / 4);
        TestProbe free = CreateTestProbe();
        coordinator.Tell(Request(1, "free"), free);
        AssignParts second = Fish<AssignParts>(free);
        Assert.Equal((0, 0), (second.Parts[0].File, second.Parts[0].Part));

        coordinator.Tell(ReportOf(second, file: 0, parts: 0), writers);
        coordinator.Tell(ReportOf(slow, file: 0, parts: [1, 2]), writers);
        Fish<PartsAcknowledged>(writers);
        Fish<PartsAcknowledged>(writers);
        writers.ExpectNoMsg(Quiet);
        coordinator.Tell(
            new PartReturned { Job = Job, Worker = "first", Incarnation = slow.Incarnation, Number = slow.Parts[0].Number, Kind = ReturnKind.Abandoned }, worker);
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(0, Fish<SealFile>(writers).File);
    }

    private int DigestBytes(int file, int part) =>
        PartGrid.BlockCount(PartGrid.Part(file, part, merge.Plan.Files[file].ByteLength).ByteCount) * BlockDigest.ByteCount;

    private static RenewLeases Renewal(AssignParts assigned, long bytesDone)
    {
        var renewal = new RenewLeases { Job = Job, Worker = "first" };
        renewal.Leases.AddRange(assigned.Parts.Select(part => new HeldLease
        {
            Incarnation = assigned.Incarnation,
            Number = part.Number,
            File = part.File,
            Part = part.Part,
            Generation = part.Generation,
            BytesDone = bytesDone,
        }));
        return renewal;
    }

    private static PartReturned Returned(AssignParts assigned, ReturnKind kind, int part = 0) => new()
    {
        Job = Job,
        Worker = "first",
        Incarnation = assigned.Incarnation,
        Number = assigned.Parts[part].Number,
        Kind = kind,
        Code = "EXPO9999",
        Message = "says the test",
        Advice = "nothing",
    };
}
