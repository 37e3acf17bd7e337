using System.Runtime.InteropServices;
using Akka.Actor;
using Akka.TestKit;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Tests;

namespace ExpoCluster.Cluster.Tests.Work;

/// <summary>A worker with one lane between probes that play coordinators and writers.</summary>
public sealed class WorkerTests : ClusterTestKit
{
    private const string Job = "job1";

    private readonly SmallPair pair = new();
    private readonly Plan plan;
    private readonly PlanStore plans = new();
    private readonly TestProbe coordinators;
    private readonly TestProbe writers;

    public WorkerTests()
    {
        plan = pair.Plan().Plan;
        Directory.CreateDirectory(pair.Output.Workspace);
        plans.Save(pair.Output.Plan(Job), plan);
        foreach (PlannedFile file in plan.Files)
        {
            StagingFile.Create(pair.Output.StagingFile(Job, 1, file.Name), file.Header, file.ByteLength);
        }

        coordinators = CreateTestProbe();
        writers = CreateTestProbe();
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        pair.Dispose();
    }

    [Fact]
    public void It_asks_a_job_that_offers_work_for_one_part_more_than_it_runs()
    {
        Start().Tell(new WorkAvailable { Job = Job }, coordinators);

        RequestParts request = coordinators.ExpectMsg<RequestParts>(Soon);
        Assert.Equal((Job, "me", 2), (request.Job, request.Worker, request.Count));
    }

    [Fact]
    public void It_asks_again_when_nobody_answers()
    {
        Start().Tell(new WorkAvailable { Job = Job }, coordinators);
        Fish<RequestParts>(coordinators);

        Fish<RequestParts>(coordinators);
    }

    [Fact]
    public void It_writes_the_part_and_reports_the_digests_of_its_blocks()
    {
        IActorRef worker = Start();

        worker.Tell(Assignment((0, 1)), coordinators);

        PartComputed report = Fish<PartComputed>(writers);
        Assert.Equal((0, 1, 1), (report.File, report.Part, report.Generation));
        byte[] written = File.ReadAllBytes(pair.Output.StagingFile(Job, 1, plan.Files[0].Name))[PartGrid.PartBytes..(2 * PartGrid.PartBytes)];
        Assert.All(MemoryMarshal.Cast<byte, float>(written).ToArray(), value => Assert.Equal(2.5f, value));
        byte[] digest = new byte[BlockDigest.ByteCount];
        BlockDigest.Compute(written.AsSpan(0, PartGrid.BlockBytes), digest);
        Assert.Equal(digest, report.BlockDigests.Span[..BlockDigest.ByteCount].ToArray());
        Assert.Equal(2L * PartGrid.PartBytes, report.BytesRead);
    }

    [Fact]
    public void A_report_is_repeated_until_it_is_acknowledged()
    {
        IActorRef worker = Start();
        worker.Tell(Assignment((1, 0)), coordinators);
        Fish<PartComputed>(writers);
        Fish<PartComputed>(writers);

        worker.Tell(new PartAcknowledged { Job = Job, File = 1, Part = 0, Generation = 1 }, writers);

        writers.ExpectNoMsg(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void While_it_works_it_renews_its_leases_with_progress()
    {
        IActorRef worker = Start(maxBytesPerSecond: 8_000_000);
        worker.Tell(Assignment((0, 0)), coordinators);

        long before = Fish<RenewLeases>(coordinators, renewal => renewal.Leases[0].BytesDone > 0).Leases[0].BytesDone;
        Fish<RenewLeases>(coordinators, renewal => renewal.Leases[0].BytesDone > before);
    }

    [Fact]
    public void A_lost_lease_stops_the_part_and_it_is_handed_back()
    {
        IActorRef worker = Start(maxBytesPerSecond: 2_000_000);
        worker.Tell(Assignment((0, 0)), coordinators);
        Fish<RenewLeases>(coordinators);

        var answer = new LeasesRenewed { Job = Job, LeaseMs = 20_000 };
        answer.Lost.Add(new AttemptName { Incarnation = 1, Number = 1 });
        worker.Tell(answer, coordinators);

        Assert.Equal(ReturnKind.Abandoned, Fish<PartReturned>(coordinators).Kind);
        Assert.False(writers.HasMessages);
    }

    [Fact]
    public void Asked_by_a_new_coordinator_it_says_what_it_holds_and_takes_nothing_more_from_the_one_before()
    {
        IActorRef worker = Start(maxBytesPerSecond: 2_000_000);
        worker.Tell(Assignment((0, 0)), coordinators);
        Fish<RenewLeases>(coordinators);

        worker.Tell(new ReportLeases { Job = Job, Incarnation = 2 }, coordinators);
        LeasesHeld held = Fish<LeasesHeld>(coordinators);
        worker.Tell(Assignment((1, 0)), coordinators);

        Assert.Equal(("me", 2), (held.Worker, held.Incarnation));
        Assert.Equal([(0, 0, 1)], held.Leases.Select(lease => (lease.File, lease.Part, lease.Incarnation)));
        Assert.Equal(ReturnKind.Abandoned, Fish<PartReturned>(coordinators).Kind);
    }

    [Fact]
    public void Asked_before_it_has_anything_it_says_so()
    {
        Start().Tell(new ReportLeases { Job = Job, Incarnation = 2 }, coordinators);

        Assert.Empty(Fish<LeasesHeld>(coordinators).Leases);
    }

    [Fact]
    public void A_lease_that_nobody_renews_runs_out_by_itself()
    {
        IActorRef worker = Start(maxBytesPerSecond: 2_000_000);

        worker.Tell(Assignment(leaseMs: 300, parts: (0, 0)), coordinators);

        Assert.Equal(ReturnKind.Abandoned, Fish<PartReturned>(coordinators).Kind);
    }

    [Fact]
    public void A_changed_input_is_returned_with_the_file_named()
    {
        File.SetLastWriteTimeUtc(Path.Join(pair.Base, "model-00002-of-00002.safetensors"), DateTime.UtcNow.AddHours(1));

        Start().Tell(Assignment((1, 0)), coordinators);

        PartReturned returned = Fish<PartReturned>(coordinators);
        Assert.Equal((ReturnKind.Input, "EXPO1207"), (returned.Kind, returned.Code));
        Assert.Contains("model-00002-of-00002.safetensors", returned.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_truncated_input_is_an_ordinary_error_of_positioned_reads()
    {
        string input = Path.Join(pair.Aligned, "model-00002-of-00002.safetensors");
        IActorRef worker = Start(maxBytesPerSecond: 4_000_000);
        AssignParts assignment = Assignment((1, 0));
        assignment.Parts[0].PositionedReads = true;
        worker.Tell(assignment, coordinators);
        Fish<RenewLeases>(coordinators, renewal => renewal.Leases[0].BytesDone > 0);
        using (var stream = new FileStream(input, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            stream.SetLength(1_000_000);
        }

        PartReturned returned = Fish<PartReturned>(coordinators, within: TimeSpan.FromSeconds(10));

        Assert.Equal((ReturnKind.Input, "EXPO1207"), (returned.Kind, returned.Code));
        Assert.Contains("'small'", returned.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_staging_file_is_worth_another_try_and_is_not_created()
    {
        string staging = pair.Output.StagingFile(Job, 1, plan.Files[1].Name);
        File.Delete(staging);

        Start().Tell(Assignment((1, 0)), coordinators);

        Assert.Equal(ReturnKind.Transient, Fish<PartReturned>(coordinators).Kind);
        Assert.False(File.Exists(staging));
    }

    [Fact]
    public void A_return_is_repeated_until_it_is_acknowledged()
    {
        File.Delete(pair.Output.StagingFile(Job, 1, plan.Files[1].Name));
        IActorRef worker = Start();
        worker.Tell(Assignment((1, 0)), coordinators);
        Fish<PartReturned>(coordinators);
        Fish<PartReturned>(coordinators);

        worker.Tell(new ReturnAcknowledged { Job = Job, Incarnation = 1, Number = 1 }, coordinators);

        Assert.Empty(Said<PartReturned>(coordinators, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void A_plan_of_other_numerics_is_declined()
    {
        var other = new Plan(plan.NumericsVersion + 1, plan.Method, plan.Numerics, plan.Inputs, plan.SideFileDirectory, plan.Files);
        plans.Save(pair.Output.Plan("other"), other);
        AssignParts assignment = Assignment((1, 0));
        assignment.Job = "other";
        assignment.PlanDigest = other.Digest;

        Start().Tell(assignment, coordinators);

        PartReturned returned = Fish<PartReturned>(coordinators);
        Assert.Equal((ReturnKind.Declined, "EXPO3004"), (returned.Kind, returned.Code));
    }

    [Fact]
    public void When_its_job_ends_it_stops_and_says_nothing_more()
    {
        IActorRef worker = Start(maxBytesPerSecond: 2_000_000);
        worker.Tell(Assignment((0, 0)), coordinators);
        Fish<RenewLeases>(coordinators);

        worker.Tell(new JobEnded { Job = Job }, coordinators);

        Fish<PartReturned>(coordinators, returned => returned.Kind == ReturnKind.Abandoned);
        writers.ExpectNoMsg(Quiet);
    }

    [Fact]
    public void Two_jobs_get_half_of_the_room_each_and_then_take_turns()
    {
        IActorRef worker = Start(lanes: 2);
        worker.Tell(new WorkAvailable { Job = "first" }, coordinators);
        Assert.Equal(("first", 4), JobAndCount(coordinators.ExpectMsg<RequestParts>(Soon)));
        worker.Tell(new WorkAvailable { Job = "second" }, coordinators);
        worker.Tell(new WorkAvailable { Job = "first" }, coordinators);
        worker.Tell(new NoParts { Job = "first" }, coordinators);
        Assert.Equal(("second", 4), JobAndCount(coordinators.ExpectMsg<RequestParts>(Soon)));
        worker.Tell(new WorkAvailable { Job = "first" }, coordinators);
        worker.Tell(new WorkAvailable { Job = "third" }, coordinators);
        worker.Tell(new NoParts { Job = "second" }, coordinators);

        Assert.Equal(("first", 2), JobAndCount(coordinators.ExpectMsg<RequestParts>(Soon)));
    }

    [Fact]
    public void A_job_that_came_later_gets_every_other_part()
    {
        IActorRef worker = Start(maxBytesPerSecond: 64_000_000);
        AssignParts first = Assignment((0, 0), (0, 1));
        worker.Tell(first, coordinators);
        worker.Tell(new WorkAvailable { Job = "later" }, coordinators);
        worker.Tell(new WorkAvailable { Job = Job }, coordinators);
        var asked = new List<string>();
        for (int turn = 0; turn < 4; turn++)
        {
            RequestParts request = Fish<RequestParts>(coordinators);
            asked.Add(request.Job);
            AssignParts answer = Assignment((1, 0));
            answer.Job = request.Job;
            answer.Output = first.Output;
            answer.Parts[0].Number = 10 + turn;
            plans.Save(pair.Output.Plan(request.Job), plan);
            Directory.CreateDirectory(Path.GetDirectoryName(pair.Output.StagingFile(request.Job, 1, plan.Files[1].Name))!);
            if (!File.Exists(pair.Output.StagingFile(request.Job, 1, plan.Files[1].Name)))
            {
                StagingFile.Create(pair.Output.StagingFile(request.Job, 1, plan.Files[1].Name), plan.Files[1].Header, plan.Files[1].ByteLength);
            }

            worker.Tell(new WorkAvailable { Job = request.Job }, coordinators);
            worker.Tell(answer, coordinators);
        }

        Assert.Equal([asked[0], asked[1], asked[0], asked[1]], asked);
        Assert.NotEqual(asked[0], asked[1]);
    }

    [Fact]
    public void A_job_that_is_silent_does_not_keep_the_others_waiting()
    {
        IActorRef worker = Start();
        worker.Tell(new WorkAvailable { Job = "silent" }, coordinators);
        worker.Tell(new WorkAvailable { Job = Job }, coordinators);
        Assert.Equal("silent", coordinators.ExpectMsg<RequestParts>(Soon).Job);

        Assert.Equal(Job, coordinators.ExpectMsg<RequestParts>(TimeSpan.FromSeconds(2)).Job);
    }

    [Fact]
    public void What_comes_too_late_for_the_room_is_handed_back()
    {
        IActorRef worker = Start(maxBytesPerSecond: 2_000_000);
        worker.Tell(Assignment((0, 0), (0, 1)), coordinators);
        // Plans are read aside: the second assignment could be ready before the first.
        Fish<RenewLeases>(coordinators, renewal => renewal.Leases.Count == 2);
        AssignParts late = Assignment((1, 0));
        late.Parts[0].Number = 9;

        worker.Tell(late, coordinators);

        PartReturned returned = Fish<PartReturned>(coordinators);
        Assert.Equal((9, ReturnKind.Abandoned), (returned.Number, returned.Kind));
    }

    [Fact]
    public void A_lost_part_that_waits_for_its_lane_is_handed_back_at_once_and_only_once()
    {
        IActorRef worker = Start(maxBytesPerSecond: 2_000_000);
        worker.Tell(Assignment((0, 0), (0, 1)), coordinators);
        Fish<RenewLeases>(coordinators, renewal => renewal.Leases.Any(lease => lease.BytesDone > 0));
        var answer = new LeasesRenewed { Job = Job, LeaseMs = 20_000 };
        answer.Lost.Add(new AttemptName { Incarnation = 1, Number = 2 });

        worker.Tell(answer, coordinators);

        Assert.Equal(2, Fish<PartReturned>(coordinators, within: TimeSpan.FromSeconds(3)).Number);
        worker.Tell(new ReturnAcknowledged { Job = Job, Incarnation = 1, Number = 2 }, coordinators);
        Assert.Equal([1], Fish<RenewLeases>(coordinators).Leases.Select(lease => lease.Number));
        var lost = new LeasesRenewed { Job = Job, LeaseMs = 20_000 };
        lost.Lost.Add(new AttemptName { Incarnation = 1, Number = 1 });
        worker.Tell(lost, coordinators);
        Assert.All(Said<PartReturned>(coordinators, TimeSpan.FromSeconds(1.5)), returned => Assert.Equal(1, returned.Number));
    }

    private static (string Job, int Count) JobAndCount(RequestParts request) => (request.Job, request.Count);

    [Fact]
    public void What_a_head_start_has_computed_is_reported_and_not_computed_again()
    {
        var settings = new WorkerSettings { Lanes = 1, MaxBytesPerSecond = 400_000_000, OpenPatience = TimeSpan.Zero };
        bool isIdle = false;
        using var ahead = HeadStart.TryBegin(plan, Job, pair.Output, ReadMode.Automatic, () => settings.StartLanes(TimeProvider.System), parts => Volatile.Write(ref isIdle, !parts.Any()));
        AwaitCondition(() => Volatile.Read(ref isIdle), Soon);
        // Whoever computed it now would find this file gone.
        File.Delete(pair.Output.StagingFile(Job, 1, plan.Files[1].Name));
        IActorRef worker = Sys.ActorOf(Worker.PropsFor("me", settings with { HeadStart = ahead }, coordinators, writers, plans, TimeProvider.System));

        worker.Tell(Assignment((1, 0)), coordinators);

        PartComputed report = Fish<PartComputed>(writers);
        Assert.Equal((1, 0, 1), (report.File, report.Part, report.Generation));
        Assert.Equal((1, 1), (report.Incarnation, report.Number));
    }

    private IActorRef Start(long? maxBytesPerSecond = null, int lanes = 1) => Sys.ActorOf(Worker.PropsFor(
        "me",
        new WorkerSettings
        {
            Lanes = lanes,
            MaxBytesPerSecond = maxBytesPerSecond,
            OpenPatience = TimeSpan.Zero,
            RenewInterval = TimeSpan.FromMilliseconds(50),
            RepeatInterval = TimeSpan.FromMilliseconds(300),
            RequestTimeout = TimeSpan.FromMilliseconds(300),
        },
        coordinators,
        writers,
        plans,
        TimeProvider.System));

    private AssignParts Assignment(params (int File, int Part)[] parts) => Assignment(leaseMs: 20_000, parts);

    private AssignParts Assignment(int leaseMs, params (int File, int Part)[] parts)
    {
        var assignment = new AssignParts
        {
            Job = Job, Output = pair.Output.Root, PlanDigest = plan.Digest, Incarnation = 1, LeaseMs = leaseMs,
        };
        assignment.Parts.AddRange(parts.Select((part, index) => new Assignment
        {
            Number = index + 1, File = part.File, Part = part.Part, Generation = 1,
        }));
        return assignment;
    }
}
