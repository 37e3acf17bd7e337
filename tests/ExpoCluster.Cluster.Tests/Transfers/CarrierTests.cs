using Akka.Actor;
using Akka.TestKit;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Transfers;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Core.Hub;

namespace ExpoCluster.Cluster.Tests.Transfers;

/// <summary>A carrier that may not ask the Hub: what its cache has is there at once, what it lacks cannot be had.</summary>
public sealed class CarrierTests : ClusterTestKit
{
    private const string Job = "job1";
    private const string Model = "hf:org/name@0123456789012345678901234567890123456789";

    private readonly string root = Directory.CreateTempSubdirectory("expocluster-carrier-").FullName;
    private readonly HubSession hub;
    private readonly TestProbe coordinators;

    public CarrierTests()
    {
        var variables = new Dictionary<string, string> { ["HF_HUB_CACHE"] = Path.Join(root, "hub"), ["HF_HUB_OFFLINE"] = "1", ["HF_HOME"] = root };
        hub = new HubSession(HubEnvironment.Of(variables, root), TimeProvider.System);
        coordinators = CreateTestProbe();
    }

    protected override void AfterAll()
    {
        base.AfterAll();
        hub.Dispose();
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public void It_asks_a_job_that_offers_transfers_for_as_many_as_it_has_room_for()
    {
        Start().Tell(new TransfersAvailable { Job = Job }, coordinators);

        RequestTransfers request = coordinators.ExpectMsg<RequestTransfers>(Soon);
        Assert.Equal((Job, "me", 2), (request.Job, request.Worker, request.Count));
    }

    [Fact]
    public void A_file_that_is_there_is_reported_until_that_is_acknowledged()
    {
        IActorRef carrier = Start();
        PutIntoCache("config.json", "{}");

        carrier.Tell(Assignment("config.json", bytes: 2), coordinators);

        TransferDone done = Fish<TransferDone>(coordinators);
        Assert.Equal((Job, "me", 1, 7, 3), (done.Job, done.Worker, done.Incarnation, done.Number, done.Transfer));
        Assert.Equal(done, Fish<TransferDone>(coordinators));
        carrier.Tell(new TransferAcknowledged { Job = Job, Incarnation = 1, Number = 7 });
        Said<TransferDone>(coordinators, Quiet);
        Assert.Empty(Said<TransferDone>(coordinators, Quiet));
    }

    [Fact]
    public void A_file_that_cannot_be_had_is_handed_back_with_the_reason()
    {
        Start().Tell(Assignment("config.json", bytes: 2), coordinators);

        TransferReturned returned = Fish<TransferReturned>(coordinators);
        Assert.Equal((ReturnKind.Input, "EXPO1169", 7), (returned.Kind, returned.Code, returned.Number));
        Assert.Contains($"{Model}/config.json", returned.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_transfer_under_way_is_renewed_and_stopping_hands_it_back()
    {
        IActorRef carrier = Start();
        using FileStream held = LockInCache();

        carrier.Tell(Assignment("config.json", bytes: 2), coordinators);

        long first = Fish<RenewTransfers>(coordinators).Transfers.Single().Activity;
        Fish<RenewTransfers>(coordinators, message => message.Transfers.Single().Activity > first);
        TestProbe worker = CreateTestProbe();
        carrier.Tell(Carrier.Stop.Instance, worker);
        Assert.Equal(ReturnKind.Abandoned, Fish<TransferReturned>(coordinators).Kind);
        worker.ExpectNoMsg(Quiet);
        carrier.Tell(new TransferAcknowledged { Job = Job, Incarnation = 1, Number = 7 });
        worker.ExpectMsg<Carrier.Stopped>(Soon);
    }

    [Fact]
    public void It_drops_the_transfers_of_a_job_that_ended()
    {
        IActorRef carrier = Start();
        using FileStream held = LockInCache();
        carrier.Tell(Assignment("config.json", bytes: 2), coordinators);
        Fish<RenewTransfers>(coordinators);

        carrier.Tell(new JobEnded { Job = Job }, coordinators);

        Said<RenewTransfers>(coordinators, Quiet);
        Assert.Empty(Said<object>(coordinators, Quiet));
    }

    private IActorRef Start() => Sys.ActorOf(Carrier.PropsFor(
        "me",
        new WorkerSettings { Lanes = 1, Hub = hub, RenewInterval = TimeSpan.FromMilliseconds(50), RepeatInterval = TimeSpan.FromMilliseconds(100) },
        coordinators,
        TimeProvider.System));

    // Sha1 of git for "{}" without a line end.
    private static AssignTransfers Assignment(string path, long bytes)
    {
        var message = new AssignTransfers { Job = Job, Incarnation = 1, LeaseMs = 20_000 };
        message.Transfers.Add(new TransferAssignment
        {
            Number = 7,
            Transfer = 3,
            File = new PlannedTransferFact { Name = $"{Model}/{path}", ByteLength = bytes, GitOid = "9e26dfeeb6e641a33dae4961196235bdb965b21b" },
        });
        return message;
    }

    private void PutIntoCache(string path, string content)
    {
        string place = Path.Join(hub.Cache.Snapshot(new HubCommit("org/name", Model[^40..])), path);
        Directory.CreateDirectory(Path.GetDirectoryName(place)!);
        File.WriteAllText(place, content);
    }

    // As another process would that downloads the file.
    private FileStream LockInCache()
    {
        string path = hub.Cache.Lock("org/name", "9e26dfeeb6e641a33dae4961196235bdb965b21b");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return new FileStream(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
    }
}
