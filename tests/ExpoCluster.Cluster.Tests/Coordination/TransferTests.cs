using Akka.Actor;
using Akka.TestKit;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Tests;

namespace ExpoCluster.Cluster.Tests.Coordination;

/// <summary>A job whose inputs must be fetched: aligned's two files, then base's. The parts of its first output file read the first of each.</summary>
public sealed class TransferTests : ClusterTestKit
{
    private const string Job = "job1";
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(20);

    private readonly SmallPair pair = new();
    private readonly Plan plan;
    private readonly PlanStore plans = new();
    private readonly ManualClock clock = new();
    private readonly TestProbe writers;
    private readonly TestProbe worker;
    private readonly TestProbe user;

    public TransferTests()
    {
        RefusableJournal.Refusals = 0;
        plan = pair.Plan().Plan;
        Directory.CreateDirectory(pair.Output.Workspace);
        plans.Save(pair.Output.Plan(Job), plan);
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
    public void A_job_that_needs_files_is_transferring_and_gives_out_transfers_but_no_parts()
    {
        IActorRef coordinator = Prepared();

        AssignTransfers assignment = Request(coordinator, count: 3);

        Assert.Equal([0, 1, 2], assignment.Transfers.Select(transfer => transfer.Transfer));
        Assert.Equal(plan.Inputs.Take(3).Select(input => input.Path), assignment.Transfers.Select(transfer => transfer.File.Name));
        coordinator.Tell(new RequestParts { Job = Job, Worker = "first", Count = 4 }, worker);
        Fish<NoParts>(worker);
        JobProgress progress = AwaitState(coordinator, "transferring");
        Assert.Equal(["first", "first", "first", ""], progress.Transfers.Select(transfer => transfer.Worker));
    }

    [Fact]
    public void Parts_whose_files_are_there_run_while_others_wait()
    {
        IActorRef coordinator = Prepared();
        AssignTransfers assignment = Request(coordinator, count: 4);

        Finish(coordinator, assignment, 1);
        Finish(coordinator, assignment, 3);

        AwaitState(coordinator, "running");
        coordinator.Tell(new RequestParts { Job = Job, Worker = "first", Count = 9 }, worker);
        Assignment part = Assert.Single(Fish<AssignParts>(worker).Parts);
        Assert.Equal((1, 0), (part.File, part.Part));
        JobProgress progress = AwaitState(coordinator, "running");
        Assert.Equal([false, true, false, true], progress.Transfers.Select(transfer => transfer.Done));
    }

    [Fact]
    public void A_file_is_acknowledged_only_when_it_is_journalled_and_then_never_fetched_again()
    {
        IActorRef coordinator = Prepared();
        AssignTransfers assignment = Request(coordinator, count: 4);
        Finish(coordinator, assignment, 0);
        Watch(coordinator);
        RefusableJournal.Refusals = 1;
        coordinator.Tell(Done(assignment, 1), worker);
        ExpectTerminated(coordinator, Soon);
        Assert.Empty(Said<TransferAcknowledged>(worker, Quiet));

        IActorRef next = Start();
        next.Tell(Done(assignment, 1), worker);
        Fish<TransferAcknowledged>(worker);

        Assert.Equal([2, 3], Request(next, count: 9).Transfers.Select(transfer => transfer.Transfer));
    }

    [Fact]
    public void A_coordinator_that_took_over_leaves_a_transfer_to_the_worker_that_has_it()
    {
        IActorRef coordinator = Prepared();
        AssignTransfers assignment = Request(coordinator, count: 1);
        Watch(coordinator);
        coordinator.Tell(PoisonPill.Instance);
        ExpectTerminated(coordinator, Soon);

        IActorRef next = Start();
        next.Tell(Renewal(assignment, bytes: 7), worker);

        Assert.Single(Fish<TransfersRenewed>(worker).Renewed);
        Assert.Equal([1, 2, 3], Request(next, count: 9, "second").Transfers.Select(transfer => transfer.Transfer));
        Assert.Equal(7, AwaitState(next, "transferring").Transfers[0].BytesDone);
    }

    [Fact]
    public void A_worker_of_which_nothing_is_heard_loses_its_transfer_and_its_late_file_is_welcome()
    {
        IActorRef coordinator = Prepared();
        AssignTransfers late = Request(coordinator, count: 1);
        clock.Advance(Lease);
        AwaitAssert(() => Assert.Contains(0, Request(coordinator, count: 4, "second").Transfers.Select(transfer => transfer.Transfer)), Soon);

        coordinator.Tell(Renewal(late, bytes: 9), worker);
        Assert.Single(Fish<TransfersRenewed>(worker).Lost);
        Finish(coordinator, late, 0);

        Assert.True(AwaitState(coordinator, "transferring").Transfers[0].Done);
    }

    [Fact]
    public void A_file_that_vanished_from_the_cache_is_fetched_again()
    {
        IActorRef coordinator = Prepared();
        AssignTransfers assignment = Request(coordinator, count: 4);
        foreach (int transfer in new[] { 0, 1, 2, 3 })
        {
            Finish(coordinator, assignment, transfer);
        }

        coordinator.Tell(new RequestParts { Job = Job, Worker = "first", Count = 9 }, worker);
        AssignParts parts = Fish<AssignParts>(worker);
        coordinator.Tell(
            new PartReturned
            {
                Job = Job, Worker = "first", Incarnation = parts.Incarnation, Number = parts.Parts[0].Number, Kind = ReturnKind.Missing, Input = plan.Inputs[0].Path,
            },
            worker);

        Fish<ReturnAcknowledged>(worker);
        AwaitAssert(() => Assert.Equal([0], Request(coordinator, count: 4).Transfers.Select(transfer => transfer.Transfer)), Soon);
        coordinator.Tell(new RequestParts { Job = Job, Worker = "first", Count = 9 }, worker);
        Fish<NoParts>(worker);
        Assert.Equal("running", AwaitState(coordinator, "running").State);
    }

    [Fact]
    public void An_outage_is_waited_for_and_in_the_end_the_job_rests_until_it_is_resumed()
    {
        IActorRef coordinator = Prepared();
        for (int outage = 1; outage <= TransferSchedule.MaxOutages; outage++)
        {
            AssignTransfers assignment = Request(coordinator, count: 1);
            Assert.Equal(0, assignment.Transfers[0].Transfer);
            coordinator.Tell(Returned(assignment, ReturnKind.Transient), worker);
            Fish<TransferAcknowledged>(worker);
            clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal("EXPO9999", AwaitState(coordinator, "suspended").Reason.Code);
        coordinator.Tell(new RequestTransfers { Job = Job, Worker = "first", Count = 1 }, worker);
        Fish<NoTransfers>(worker);

        coordinator.Tell(new ResumeJob { Job = Job, PlanDigest = plan.Digest }, user);
        Fish<JobAccepted>(user);
        Assert.Single(Request(coordinator, count: 1).Transfers);
    }

    [Theory]
    [InlineData(ReturnKind.Storage, "suspended")]
    [InlineData(ReturnKind.Input, "failed")]
    [InlineData(ReturnKind.Fatal, "failed")]
    public void What_else_goes_wrong_lets_the_job_rest_or_fail(ReturnKind kind, string state)
    {
        IActorRef coordinator = Prepared();

        coordinator.Tell(Returned(Request(coordinator, count: 1), kind), worker);

        Assert.Equal("EXPO9999", AwaitState(coordinator, state).Reason.Code);
    }

    [Fact]
    public void What_a_worker_hands_back_is_offered_at_once()
    {
        IActorRef coordinator = Prepared();
        coordinator.Tell(new RequestParts { Job = Job, Worker = "first", Count = 1 }, worker);
        Fish<NoParts>(worker);

        coordinator.Tell(Returned(Request(coordinator, count: 1), ReturnKind.Abandoned), worker);

        Fish<TransfersAvailable>(worker);
        Assert.Equal(0, Request(coordinator, count: 1).Transfers[0].Transfer);
    }

    private IActorRef Start() => Sys.ActorOf(Coordinator.PropsFor(
        Job,
        writers,
        plans,
        new CoordinatorSettings { Version = "test", LeaseDuration = Lease, TickInterval = TimeSpan.FromMilliseconds(20) },
        clock));

    private IActorRef Prepared()
    {
        IActorRef coordinator = Start();
        var submission = new SubmitJob
        {
            Job = Job, RecipeJson = "{}", Output = pair.Output.Root, PlanDigest = plan.Digest, NumericsVersion = 1,
        };
        submission.Files.AddRange(plan.Files.Select(file => new PlannedFileFact { Name = file.Name, ByteLength = file.ByteLength }));
        submission.Transfers.AddRange(plan.Inputs.Select(input => new PlannedTransferFact { Name = input.Path, ByteLength = input.ByteLength }));
        coordinator.Tell(submission, user);
        Fish<JobAccepted>(user);
        for (int file = 0; file < plan.Files.Length; file++)
        {
            int prepared = file;
            coordinator.Tell(new StagingReported { Job = Job, File = file, Generation = 1 }, writers);
            Fish<StagingAcknowledged>(writers, message => message.File == prepared);
        }

        return coordinator;
    }

    private AssignTransfers Request(IActorRef coordinator, int count, string name = "first")
    {
        coordinator.Tell(new RequestTransfers { Job = Job, Worker = name, Count = count }, worker);
        return worker.FishForMessage(message => message is AssignTransfers or NoTransfers, Soon) as AssignTransfers ?? new AssignTransfers();
    }

    private void Finish(IActorRef coordinator, AssignTransfers assignment, int transfer)
    {
        TransferDone done = Done(assignment, transfer);
        coordinator.Tell(done, worker);
        Fish<TransferAcknowledged>(worker, message => message.Number == done.Number);
    }

    private static TransferDone Done(AssignTransfers assignment, int transfer) => new()
    {
        Job = Job,
        Worker = "first",
        Incarnation = assignment.Incarnation,
        Number = assignment.Transfers.Single(assigned => assigned.Transfer == transfer).Number,
        Transfer = transfer,
    };

    private static TransferReturned Returned(AssignTransfers assignment, ReturnKind kind) => new()
    {
        Job = Job,
        Worker = "first",
        Incarnation = assignment.Incarnation,
        Number = assignment.Transfers[0].Number,
        Kind = kind,
        Code = "EXPO9999",
        Message = "says the test",
        Advice = "nothing",
    };

    private static RenewTransfers Renewal(AssignTransfers assignment, long bytes)
    {
        var renewal = new RenewTransfers { Job = Job, Worker = "first" };
        renewal.Transfers.AddRange(assignment.Transfers.Select(transfer => new HeldTransfer
        {
            Incarnation = assignment.Incarnation, Number = transfer.Number, Transfer = transfer.Transfer, BytesDone = bytes, Activity = 1,
        }));
        return renewal;
    }

    private JobProgress AwaitState(IActorRef coordinator, string state)
    {
        TestProbe asker = CreateTestProbe();
        coordinator.Tell(new WatchJob { Job = Job }, asker);
        return Fish<JobProgress>(asker, progress => progress.State == state);
    }
}
