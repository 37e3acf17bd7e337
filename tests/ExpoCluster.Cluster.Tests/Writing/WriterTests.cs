using Akka.Actor;
using Akka.TestKit;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Writing;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Storage;
using ExpoCluster.Core.Tests;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Tests.Writing;

/// <summary>The writer of a file of three parts, between a probe that plays its coordinator and one that plays a worker.</summary>
public sealed class WriterTests : ClusterTestKit
{
    private const string Job = "job1";

    private readonly SmallPair pair = new();
    private readonly PlannedFile file;
    private readonly string planDigest;
    private readonly PlanStore plans = new();
    private readonly TestProbe coordinator;
    private readonly TestProbe worker;

    public WriterTests()
    {
        Plan plan = pair.Plan().Plan;
        file = plan.Files[0];
        planDigest = plan.Digest;
        Directory.CreateDirectory(pair.Output.Workspace);
        plans.Save(pair.Output.Plan(Job), plan);
        coordinator = CreateTestProbe();
        worker = CreateTestProbe();
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        pair.Dispose();
    }

    [Fact]
    public void It_asks_for_its_description_until_it_gets_one()
    {
        Start();

        coordinator.ExpectMsg<DescribeFile>(Soon);
        coordinator.ExpectMsg<DescribeFile>(Soon);
    }

    [Fact]
    public void It_makes_the_staging_file_with_header_and_length_and_repeats_that_until_acknowledged()
    {
        IActorRef writer = Start();
        writer.Tell(Description(generation: 0), coordinator);

        Assert.Equal(1, Fish<StagingReported>(coordinator).Generation);
        Assert.Equal(StagingCondition.Sound, StagingFile.Inspect(StagingPath(1), file.Header, file.ByteLength));
        Fish<StagingReported>(coordinator);
        writer.Tell(Acknowledged(generation: 1), coordinator);
        coordinator.ExpectNoMsg(TimeSpan.FromSeconds(1.5));
    }

    [Fact]
    public void A_writer_that_moved_between_create_and_report_completes_what_was_made_without_truncating()
    {
        StagingFile.Create(StagingPath(1), file.Header, file.ByteLength);
        Scribble(StagingPath(1), offset: 50_000_000);

        IActorRef writer = Start();
        writer.Tell(Description(generation: 0), coordinator);

        Assert.Equal(1, Fish<StagingReported>(coordinator).Generation);
        Assert.Equal((byte)0xAB, ReadByte(StagingPath(1), offset: 50_000_000));
    }

    [Fact]
    public void A_staging_file_that_is_gone_is_made_under_the_next_generation()
    {
        IActorRef writer = Start();

        writer.Tell(Description(generation: 3), coordinator);

        Assert.Equal(4, Fish<StagingReported>(coordinator).Generation);
        Assert.True(File.Exists(StagingPath(4)));
    }

    [Fact]
    public void A_staging_file_that_is_short_is_left_alone_and_a_new_one_made_beside_it()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(StagingPath(1))!);
        File.WriteAllBytes(StagingPath(1), [1, 2, 3]);

        Start().Tell(Description(generation: 1), coordinator);

        Assert.Equal(2, Fish<StagingReported>(coordinator).Generation);
        Assert.Equal(3, new FileInfo(StagingPath(1)).Length);
    }

    [Fact]
    public void A_writer_that_moved_between_two_parts_goes_on_with_the_same_staging_file()
    {
        IActorRef first = Ready();
        first.Tell(Computed(part: 0), worker);
        first.Tell(PoisonPill.Instance);

        IActorRef second = Start();
        second.Tell(Description(generation: 1, committed: 1), coordinator);

        Assert.Equal(1, Fish<StagingReported>(coordinator).Generation);
        second.Tell(Acknowledged(generation: 1), coordinator);
        second.Tell(Computed(part: 1), worker);
        Assert.Equal([1], Fish<PartsReported>(coordinator).Parts.Select(part => part.Part));
    }

    [Fact]
    public void Reports_that_arrive_before_it_is_ready_are_kept()
    {
        IActorRef writer = Start();
        writer.Tell(Computed(part: 2), worker);
        writer.Tell(Description(generation: 0), coordinator);
        Fish<StagingReported>(coordinator);

        writer.Tell(Acknowledged(generation: 1), coordinator);

        Assert.Equal([2], Fish<PartsReported>(coordinator).Parts.Select(part => part.Part));
    }

    [Fact]
    public void A_worker_is_acknowledged_only_when_the_coordinator_has_acknowledged()
    {
        IActorRef writer = Ready();
        writer.Tell(Computed(part: 0), worker);
        PartsReported report = Fish<PartsReported>(coordinator);
        worker.ExpectNoMsg(Quiet);

        writer.Tell(Acknowledgement(report), coordinator);

        Assert.Equal(0, worker.ExpectMsg<PartAcknowledged>(Soon).Part);
    }

    [Fact]
    public void Parts_that_come_together_are_reported_together()
    {
        IActorRef writer = Ready();

        writer.Tell(Computed(part: 0), worker);
        writer.Tell(Computed(part: 1), worker);

        Assert.Equal([0, 1], Fish<PartsReported>(coordinator).Parts.Select(part => part.Part));
    }

    [Fact]
    public void The_last_part_of_a_file_is_reported_at_once()
    {
        IActorRef writer = Ready();
        writer.Tell(Computed(part: 0), worker);
        writer.Tell(Computed(part: 1), worker);
        writer.Tell(Computed(part: 2), worker);

        Assert.Equal(3, Fish<PartsReported>(coordinator, within: TimeSpan.FromMilliseconds(100)).Parts.Count);
    }

    [Fact]
    public void A_report_whose_acknowledgement_was_lost_is_repeated()
    {
        IActorRef writer = Ready();
        writer.Tell(Computed(part: 0), worker);
        PartsReported first = Fish<PartsReported>(coordinator);

        PartsReported again = Fish<PartsReported>(coordinator);

        Assert.Equal(first, again);
    }

    [Fact]
    public void A_part_reported_twice_is_reported_on_once_and_acknowledged()
    {
        IActorRef writer = Ready();
        writer.Tell(Computed(part: 0), worker);
        writer.Tell(Computed(part: 0), worker);

        PartsReported report = Fish<PartsReported>(coordinator);
        Assert.Single(report.Parts);
        writer.Tell(Acknowledgement(report), coordinator);

        worker.ExpectMsg<PartAcknowledged>(Soon);
    }

    [Fact]
    public void A_late_report_of_another_generation_is_acknowledged_and_dropped()
    {
        IActorRef writer = Ready();
        PartComputed late = Computed(part: 0);
        late.Generation = 7;

        writer.Tell(late, worker);

        worker.ExpectMsg<PartAcknowledged>(Soon);
        coordinator.ExpectNoMsg(Quiet);
    }

    [Fact]
    public void A_complete_file_is_checked_and_sealed_and_the_seal_is_repeated_until_acknowledged()
    {
        IActorRef writer = Ready();
        writer.Tell(Seal(), coordinator);

        Assert.Equal("d1gest", Fish<ShardSealed>(coordinator).Digest);
        Fish<ShardSealed>(coordinator);
        writer.Tell(new SealAcknowledged { Job = Job, File = 0 }, coordinator);
        coordinator.ExpectNoMsg(TimeSpan.FromSeconds(1.5));
    }

    [Fact]
    public void A_writer_that_moved_between_seal_and_report_seals_again()
    {
        IActorRef first = Ready();
        first.Tell(Seal(), coordinator);
        Fish<ShardSealed>(coordinator);
        first.Tell(PoisonPill.Instance);

        IActorRef second = Start();
        second.Tell(Description(generation: 1, committed: 3), coordinator);
        Fish<StagingReported>(coordinator);
        second.Tell(Acknowledged(generation: 1), coordinator);
        second.Tell(Seal(), coordinator);

        Assert.Equal("d1gest", Fish<ShardSealed>(coordinator).Digest);
    }

    [Fact]
    public void A_block_that_reads_back_differently_is_not_sealed()
    {
        IActorRef writer = Ready();
        SealFile request = Seal();
        Scribble(StagingPath(1), file.ByteLength - 1);

        writer.Tell(request, coordinator);

        SealRefused refusal = Fish<SealRefused>(coordinator);
        Assert.Equal("EXPO4006", refusal.Code);
        Assert.Contains(StagingPath(1), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_that_were_reserved_and_never_written_are_named_and_not_sealed()
    {
        IActorRef writer = Ready();
        SealFile request = Seal();
        byte[] digests = new byte[PartGrid.BlockCount(file.ByteLength) * BlockDigest.ByteCount];
        Array.Fill(digests, (byte)1);
        request.BlockDigests = ByteString.CopyFrom(digests);

        writer.Tell(request, coordinator);

        SealRefused refusal = Fish<SealRefused>(coordinator);
        Assert.Equal("EXPO4006", refusal.Code);
        Assert.Equal([0, 1, 2], refusal.LostParts);
    }

    [Fact]
    public void After_a_refusal_that_nothing_can_mend_it_leaves_so_that_the_next_one_looks_at_what_is_there()
    {
        IActorRef writer = Ready();
        Watch(writer);
        SealFile request = Seal();
        Scribble(StagingPath(1), file.ByteLength - 1);

        writer.Tell(request, coordinator);

        Assert.Empty(Fish<SealRefused>(coordinator).LostParts);
        ExpectTerminated(writer, Soon);
    }

    [Fact]
    public void Where_no_staging_can_be_made_it_says_so_with_the_reason()
    {
        File.WriteAllText(pair.Output.Staging(Job, 1), "a file where a directory should be");

        Start().Tell(Description(generation: 0), coordinator);

        StagingRefused refusal = Fish<StagingRefused>(coordinator);
        Assert.True(refusal.Storage);
        Assert.StartsWith("EXPO4", refusal.Code, StringComparison.Ordinal);
    }

    [Fact]
    public void It_stops_when_its_job_has_ended()
    {
        IActorRef writer = Ready();
        Watch(writer);

        writer.Tell(new FileEnded { Job = Job, File = 0 });

        ExpectTerminated(writer, Soon);
    }

    [Fact]
    public void Reports_with_much_to_say_are_passed_on_in_messages_of_bounded_size()
    {
        IActorRef writer = Ready();
        for (int part = 0; part < 3; part++)
        {
            PartComputed report = Computed(part);
            report.Statistics = ByteString.CopyFrom(new byte[MessageLimits.ReportBytes * 2 / 5]);
            writer.Tell(report, worker);
        }

        PartsReported first = Fish<PartsReported>(coordinator);
        Assert.Equal(2, first.Parts.Count);
        writer.Tell(Acknowledgement(first), coordinator);
        Assert.Single(Fish<PartsReported>(coordinator, report => report.Parts[0].Part == 2).Parts);
    }

    private IActorRef Start() => Sys.ActorOf(Writer.PropsFor(Addressing.WriterId(Job, 0), coordinator, plans));

    private IActorRef Ready()
    {
        IActorRef writer = Start();
        writer.Tell(Description(generation: 0), coordinator);
        Fish<StagingReported>(coordinator);
        writer.Tell(Acknowledged(generation: 1), coordinator);
        return writer;
    }

    private string StagingPath(int generation) => pair.Output.StagingFile(Job, generation, file.Name);

    private FileDescription Description(int generation, int committed = 0) => new()
    {
        Job = Job, File = 0, Output = pair.Output.Root, PlanDigest = planDigest, Generation = generation, Committed = committed,
    };

    private static StagingAcknowledged Acknowledged(int generation) => new() { Job = Job, File = 0, Generation = generation };

    private static PartComputed Computed(int part) => new()
    {
        Job = Job, File = 0, Part = part, Generation = 1, BlockDigests = ByteString.CopyFrom(1, 2, 3), BytesRead = 5,
    };

    private static PartsAcknowledged Acknowledgement(PartsReported report)
    {
        var acknowledgement = new PartsAcknowledged { Job = Job, File = 0, Generation = report.Generation };
        acknowledgement.Parts.AddRange(report.Parts.Select(part => part.Part));
        return acknowledgement;
    }

    private SealFile Seal() => new()
    {
        Job = Job,
        File = 0,
        Generation = 1,
        Digest = "d1gest",
        FirstBlockDigest = DigestAt(0),
        LastBlockDigest = DigestAt((file.ByteLength - 1) / PartGrid.BlockBytes * PartGrid.BlockBytes),
    };

    private ByteString DigestAt(long offset)
    {
        using StagingFile staging = StagingFile.Open(StagingPath(1));
        byte[] block = new byte[PartGrid.BlockBytes];
        byte[] digest = new byte[BlockDigest.ByteCount];
        BlockDigest.Compute(block.AsSpan(0, staging.Read(block, offset)), digest);
        return ByteString.CopyFrom(digest);
    }

    private static void Scribble(string path, long offset)
    {
        using StagingFile staging = StagingFile.Open(path);
        staging.Write([0xAB], offset);
    }

    private static byte ReadByte(string path, long offset)
    {
        using StagingFile staging = StagingFile.Open(path);
        byte[] one = new byte[1];
        staging.Read(one, offset);
        return one[0];
    }
}
