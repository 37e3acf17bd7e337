using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster;
using Akka.Configuration;
using Akka.Dispatch.SysMsg;
using Akka.Remote.Transport.DotNetty;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Serialization;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace ExpoCluster.Stranger;

/// <summary>Every message that exists, to every place of a node where one could be taken, and a wish to join.</summary>
/// <param name="Sent">Messages.</param>
/// <param name="Answered">How often anything came back.</param>
/// <param name="Kinds">What came back.</param>
/// <param name="Joined">Whether a node let this process into its cluster.</param>
internal sealed record Attempt(int Sent, int Answered, string Kinds, bool Joined)
{
    // Long enough for a handshake and an answer; a connection that is refused is tried again each second.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private const int WatchFlood = 1000;

    private static readonly string[] Places =
    [
        "/", "/user", "/system", "/remote", "/deadLetters", "/user/worker", "/user/vitals", "/system/sharding", "/system/sharding/coordinators", "/system/sharding/writers",
        "/system/sharding/coordinatorsCoordinator", "/system/sharding/coordinatorsCoordinator/singleton/coordinator", "/system/sharding/coordinatorReplicator",
        "/system/cluster/core/daemon", "/system/cluster/heartbeatReceiver", "/system/remote-watcher",
    ];

    public static async Task<Attempt> MakeAsync(bool tls, int[] ports)
    {
        // The name of the system is that of the nodes, so that it could be one.
        using X509Certificate2 own = CertificateOfNobody();
        var setup = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(Configuration(tls)));
        var system = (ExtendedActorSystem)ActorSystem.Create(
            "expocluster", tls ? setup.And(new DotNettySslSetup(own, suppressValidation: true, requireMutualAuthentication: true)) : setup);
        var answers = new Answers();
        IActorRef listener = system.ActorOf(Props.Create(() => new Listener(answers)));
        Address[] nodes = [.. ports.Select(port => new Address(tls ? "akka.ssl.tcp" : "akka.tcp", system.Name, "127.0.0.1", port))];
        int sent = nodes.Sum(node => SendAll(system, node, listener));
        var cluster = Akka.Cluster.Cluster.Get(system);
        cluster.JoinSeedNodes(nodes);
        await Task.Delay(Patience).ConfigureAwait(false);
        bool joined = cluster.State.Members.Any(member => member.Status == MemberStatus.Up && !member.Address.Equals(cluster.SelfAddress));
        await Task.WhenAny(system.Terminate(), Task.Delay(Patience)).ConfigureAwait(false);
        return new Attempt(sent, answers.Count, answers.Kinds, joined);
    }

    private static int SendAll(ExtendedActorSystem system, Address node, IActorRef listener)
    {
        int sent = 0;
        foreach (string place in Places)
        {
            string path = new RootActorPath(node).ToString().TrimEnd('/') + place;
            IActorRef direct = system.Provider.ResolveActorRef(path);
            ActorSelection selected = system.ActorSelection(path);
            foreach (object message in Messages())
            {
                direct.Tell(message, listener);
                selected.Tell(message, listener);
                sent += 2;
            }

            for (int watch = 0; watch < WatchFlood; watch++)
            {
                ((IInternalActorRef)direct).SendSystemMessage(new Watch((IInternalActorRef)direct, (IInternalActorRef)listener));
            }

            ((IInternalActorRef)direct).SendSystemMessage(new Suspend());
            ((IInternalActorRef)direct).SendSystemMessage(new Terminate());
            sent += WatchFlood + 2;
        }

        // Remote deployment: the node would start an actor of this class for this process.
        system.ActorOf(Props.Create<Deployed>().WithDeploy(new Deploy(new RemoteScope(node)))).Tell(new DescribeNode(), listener);
        return sent + 1;
    }

    private static IEnumerable<object> Messages() =>
    [
        new Identify("who"), new DescribeNode { Question = 1 }, new Payload("/etc/passwd"), new Status.Failure(new InvalidOperationException("foreign")),
        .. ProtocolSerializer.MessageTypes.Select(Filled), PoisonPill.Instance, Kill.Instance,
    ];

    // With the smallest values that a receiver would take seriously.
    private static IMessage Filled(Type type)
    {
        var message = (IMessage)Activator.CreateInstance(type)!;
        foreach (FieldDescriptor field in message.Descriptor.Fields.InDeclarationOrder().Where(field => !field.IsRepeated))
        {
            object? value = field.FieldType switch
            {
                FieldType.String => field.Name is "output" ? "/tmp/stranger" : "job1",
                FieldType.Int32 => 1,
                FieldType.Int64 => 1L,
                FieldType.Bool => true,
                _ => null,
            };
            if (value is not null)
            {
                field.Accessor.SetValue(message, value);
            }
        }

        return message;
    }

    private static Config Configuration(bool tls) => ConfigurationFactory.ParseString(string.Create(CultureInfo.InvariantCulture, $$"""
        akka { stdout-loglevel = OFF, loglevel = OFF, actor.provider = cluster }
        akka.coordinated-shutdown.exit-clr = off
        akka.remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0, enable-ssl = {{(tls ? "true" : "false")}} }
        akka.actor.serializers.expo-protocol = "{{typeof(ProtocolSerializer).FullName}}, ExpoCluster.Cluster"
        akka.actor.serialization-bindings {
          {{string.Join('\n', ProtocolSerializer.MessageTypes.Select(type => $"\"{type.FullName}, ExpoCluster.Cluster\" = expo-protocol"))}}
        }
        """));

    private static X509Certificate2 CertificateOfNobody()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=ExpoCluster node", key, HashAlgorithmName.SHA256);
        using X509Certificate2 made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), password: null);
    }

    /// <summary>What Newtonsoft.Json would make an object of, by the name of its type.</summary>
    private sealed record Payload(string Path);

    private sealed class Answers
    {
        private readonly ConcurrentQueue<string> kinds = new();

        public int Count => kinds.Count;

        public string Kinds => string.Join(", ", kinds.Distinct());

        public void Add(object answer) => kinds.Enqueue(answer.GetType().Name);
    }

    // What this process's own system says of actors that it could not reach is no answer.
    private sealed class Listener : ReceiveActor
    {
        public Listener(Answers answers)
        {
            Receive<ActorIdentity>(identity => identity.Subject.IsNobody(), _ => { });
            Receive<Terminated>(_ => { });
            ReceiveAny(answers.Add);
        }
    }

    private sealed class Deployed : ReceiveActor
    {
        public Deployed() => ReceiveAny(message => Sender.Tell(message));
    }
}
