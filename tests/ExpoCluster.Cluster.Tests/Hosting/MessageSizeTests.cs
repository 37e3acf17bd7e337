using Akka.Actor;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Core.Planning;
using Google.Protobuf;

namespace ExpoCluster.Cluster.Tests.Hosting;

/// <summary>Two nodes of one cluster, and the largest messages that they may have to say to each other.</summary>
public sealed class MessageSizeTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly NodesOfTest nodes = new();
    private Node near = null!;
    private Node far = null!;
    private IActorRef echo = null!;

    public async Task InitializeAsync()
    {
        far = await Node.StartAsync(nodes.Settings("far", NodeSettings.WebRole), new PlanStore(), cluster => cluster.JoinAsync(cluster.SelfAddress));
        near = await Node.StartAsync(nodes.Settings("near", NodeSettings.WebRole), new PlanStore(), cluster => cluster.JoinAsync(far.Cluster.SelfAddress));
        far.System.ActorOf(Props.Create(() => new Echo()), "echo");
        echo = ((ExtendedActorSystem)near.System).Provider.ResolveActorRef(new RootActorPath(far.Cluster.SelfAddress) / "user" / "echo");
    }

    public async Task DisposeAsync()
    {
        await near.DisposeAsync();
        await far.DisposeAsync();
        nodes.Dispose();
    }

    [Fact]
    public async Task A_report_with_the_statistics_of_many_tensors_arrives()
    {
        var report = new PartsReported { Job = "job1", File = 3, Generation = 1 };
        ByteString statistics = ByteString.CopyFrom(new byte[450_000]);
        for (int part = 0; report.CalculateSize() < MessageLimits.ReportBytes; part++)
        {
            report.Parts.Add(new ReportedPart { Part = part, Statistics = statistics });
        }

        Assert.Equal(report, await echo.Ask<PartsReported>(report, Patience));
    }

    [Fact]
    public async Task A_submission_of_as_many_files_as_are_let_in_arrives_and_so_does_its_progress()
    {
        var submission = new SubmitJob { Job = "job1", RecipeJson = "{}" };
        var progress = new JobProgress { Job = "job1", State = "running" };
        int bytes = 0;
        for (int file = 0; bytes < MessageLimits.SubmissionBytes; file++)
        {
            var named = new PlannedFileFact { Name = $"alpha-0.{file % 100}/model-{file:00000}-of-99999.safetensors", ByteLength = 8L << 30 };
            submission.Files.Add(named);
            bytes += named.CalculateSize() + 2;
            progress.Files.Add(new FileProgress
            {
                Name = named.Name, ByteLength = named.ByteLength, Parts = 256, Committed = 255, Sealed = true, BytesCommitted = named.ByteLength - 1,
                CommittedParts = ByteString.CopyFrom(new byte[256 / 8]),
            });
        }

        Assert.InRange(submission.Files.Count, 20_000, 100_000);
        Assert.Equal(submission, await echo.Ask<SubmitJob>(submission, Patience));
        Assert.Equal(progress, await echo.Ask<JobProgress>(progress, Patience));
        Assert.True(progress.CalculateSize() < MessageLimits.FrameBytes / 2);
    }

    private sealed class Echo : ReceiveActor
    {
        public Echo() => ReceiveAny(message => Sender.Tell(message));
    }
}
