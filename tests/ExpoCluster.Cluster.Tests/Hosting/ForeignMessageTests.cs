using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Dispatch.SysMsg;
using Akka.Remote.Transport.DotNetty;
using Akka.Serialization;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Serialization;
using ExpoCluster.Core.Planning;
using Google.Protobuf.WellKnownTypes;

namespace ExpoCluster.Cluster.Tests.Hosting;

/// <summary>A node, and somebody with a certificate of its authority who speaks Akka as it is delivered and sends whatever can be sent.</summary>
public sealed class ForeignMessageTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly NodesOfTest nodes = new();
    private Node node = null!;
    private ActorSystem insider = null!;
    private IActorRef here = null!;

    public static TheoryData<string> Foreign => [.. Messages.Keys];

    // To a receiver on the node, which would be glad to have it.
    private static Dictionary<string, Action<IActorRef>> Messages { get; } = new(StringComparer.Ordinal)
    {
        ["PoisonPill"] = to => to.Tell(PoisonPill.Instance),
        ["Kill"] = to => to.Tell(Kill.Instance),
        ["Terminate"] = to => ((IInternalActorRef)to).SendSystemMessage(new Terminate()),
        ["Suspend"] = to => ((IInternalActorRef)to).SendSystemMessage(new Suspend()),
        ["Recreate"] = to => ((IInternalActorRef)to).SendSystemMessage(new Recreate(new InvalidOperationException("foreign"))),
        ["an object by Newtonsoft.Json, with the name of its type"] = to => to.Tell(new Surprise()),
        ["an exception by the name of its type"] = to => to.Tell(new Status.Failure(new InvalidOperationException("foreign"))),
        ["a Protobuf message by the name of its type"] = to => to.Tell(new StringValue { Value = "foreign" }),
        ["bytes"] = to => to.Tell(new byte[] { 1, 2, 3 }),
        ["configuration"] = to => to.Tell(ConfigurationFactory.ParseString("a = 1")),
        ["Hyperion"] = to => to.Tell(new Wrapped()),
    };

    public async Task InitializeAsync()
    {
        node = await Node.StartAsync(nodes.Settings("node", NodeSettings.CoordinatorRole) with { LogLevel = "OFF" }, new PlanStore(), cluster => cluster.JoinAsync(cluster.SelfAddress));
        insider = ActorSystem.Create("insider", ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(ConfigurationFactory.ParseString($$"""
            akka { stdout-loglevel = OFF, loglevel = OFF, actor.provider = remote, remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0, enable-ssl = true } }
            akka.actor.serializers {
              expo-protocol = "{{typeof(ProtocolSerializer).FullName}}, ExpoCluster.Cluster"
              hyperion = "{{typeof(LikeHyperion).FullName}}, ExpoCluster.Cluster.Tests"
            }
            akka.actor.serialization-bindings {
              "{{typeof(DescribeNode).FullName}}, ExpoCluster.Cluster" = expo-protocol
              "{{typeof(NodeVitals).FullName}}, ExpoCluster.Cluster" = expo-protocol
              "{{typeof(Wrapped).FullName}}, ExpoCluster.Cluster.Tests" = hyperion
            }
            """))).And(new DotNettySslSetup(nodes.Certificate.Own, suppressValidation: true, requireMutualAuthentication: true)));
        here = node.System.ActorOf(Props.Create(() => new Receiver()), "receiver");
    }

    public async Task DisposeAsync()
    {
        await insider.Terminate();
        await node.DisposeAsync();
        nodes.Dispose();
    }

    [Theory]
    [MemberData(nameof(Foreign))]
    public async Task What_no_node_sends_changes_nothing(string message)
    {
        IActorRef there = Resolve("/user/receiver");

        Messages[message](there);

        // What comes behind it arrives, so it has been dealt with, and the connection lives.
        NodeVitals seen = await there.Ask<NodeVitals>(new DescribeNode { Question = 7 }, Patience);
        Assert.Equal(0, seen.CpuMs);
    }

    [Fact]
    public async Task Nobody_deploys_an_actor_on_a_node()
    {
        Intruder.Started = 0;
        IActorRef deployed = insider.ActorOf(
            Props.Create<Intruder>().WithDeploy(new Deploy(new RemoteScope(node.Cluster.SelfAddress))), "intruder");

        deployed.Tell(new DescribeNode());
        await Resolve("/user/receiver").Ask<NodeVitals>(new DescribeNode(), Patience);

        Assert.Equal(0, Intruder.Started);
    }

    [Fact]
    public async Task An_actor_is_found_only_where_nodes_look_for_one()
    {
        ActorSelection At(string path) => insider.ActorSelection(new RootActorPath(node.Cluster.SelfAddress).ToString().TrimEnd('/') + path);

        At("/user/receiver").Tell(new DescribeNode { Question = 1 });
        At("/user/*").Tell(new DescribeNode { Question = 1 });
        ActorIdentity vitals = await At("/user/" + Vitals.ActorName).Ask<ActorIdentity>(new Identify(1), Patience);

        NodeVitals seen = await Resolve("/user/receiver").Ask<NodeVitals>(new DescribeNode { Question = 7 }, Patience);
        Assert.Equal(0, seen.CpuMs);
        Assert.NotNull(vitals.Subject);
    }

    [Fact]
    public async Task The_regions_and_their_coordinators_outlive_whoever_wants_them_gone()
    {
        string[] places = ["/user", "/system", "/system/sharding", "/system/sharding/coordinatorsCoordinator", "/system/cluster", "/user/" + Vitals.ActorName, "/"];
        foreach (IActorRef place in places.Select(Resolve))
        {
            Array.ForEach([.. Messages.Values], send => send(place));
        }

        Assert.Equal(7, (await Resolve("/user/" + Vitals.ActorName).Ask<NodeVitals>(new DescribeNode { Question = 7 }, Patience)).Question);
        Assert.False(node.System.WhenTerminated.IsCompleted);
    }

    [Fact]
    public void The_journal_reads_nothing_else_either()
    {
        Akka.Serialization.Serialization serialization = node.System.Serialization;
        byte[] json = "{\"$type\":\"System.IO.FileInfo, System.Private.CoreLib\",\"OriginalPath\":\"/etc/passwd\"}"u8.ToArray();
        string type = typeof(FileInfo).AssemblyQualifiedName!;

        int[] answering = [.. Enumerable.Range(-64, 256).Where(id => Answers(serialization, json, id, type))];

        Assert.Empty(answering);
        Assert.ThrowsAny<System.Runtime.Serialization.SerializationException>(() => serialization.FindSerializerFor(new Surprise()).ToBinary(new Surprise()));
    }

    private static bool Answers(Akka.Serialization.Serialization serialization, byte[] bytes, int serializer, string manifest)
    {
        try
        {
            // What is harmful is dropped before anybody sees it.
            return serialization.Deserialize(bytes, serializer, manifest) is not (null or IPossiblyHarmful);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return false;
        }
    }

    private IActorRef Resolve(string path) => ((ExtendedActorSystem)insider).Provider.ResolveActorRef(
        new RootActorPath(node.Cluster.SelfAddress).ToString().TrimEnd('/') + path);

    public sealed record Surprise;

    public sealed record Wrapped;

    public sealed class LikeHyperion(ExtendedActorSystem system) : Serializer(system)
    {
        public override int Identifier => -5;

        public override bool IncludeManifest => false;

        public override byte[] ToBinary(object obj) => [1, 2, 3];

        public override object FromBinary(byte[] bytes, System.Type type) => new Wrapped();
    }

    // Tells in CpuMs how often it was told anything but DescribeNode of the test, or was started again.
    private sealed class Receiver : ReceiveActor
    {
        private static long others;

        public Receiver()
        {
            others = 0;
            Receive<DescribeNode>(question => question.Question == 1, _ => others++);
            Receive<DescribeNode>(question => Sender.Tell(new NodeVitals { Question = question.Question, CpuMs = others }));
            ReceiveAny(_ => others++);
        }

        protected override void PostRestart(Exception reason) => others = 100;
    }

    private sealed class Intruder : ReceiveActor
    {
        public Intruder()
        {
            Started++;
            ReceiveAny(_ => { });
        }

        public static int Started { get; set; }
    }
}
