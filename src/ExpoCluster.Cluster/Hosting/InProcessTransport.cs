using Akka.Actor;
using Akka.Configuration;
using Akka.Remote.Transport;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>The remoting of a cluster of one: it has an address, and no way in or out.</summary>
/// <remarks>
/// Akka.Cluster wants remoting, and remoting by TCP would listen on a port that every user of the machine can reach.
/// Nobody can call a node with this transport, and it can call nobody.
/// </remarks>
public sealed class InProcessTransport : Transport
{
    /// <summary>Where HOCON has its settings.</summary>
    public const string ConfigPath = "akka.remote.in-process";

    // Nothing is ever sent, so no message is too large.
    private const long AnyPayloadBytes = int.MaxValue;

    private readonly Address own;

    /// <summary>Made by Akka.Remote.</summary>
    /// <param name="system">The node's actor system.</param>
    /// <param name="config">With <c>hostname</c> and <c>port</c>, which are names only.</param>
    public InProcessTransport(ActorSystem system, Config config)
    {
        System = system;
        Config = config;
        SchemeIdentifier = "in-process";
        MaximumPayloadBytes = AnyPayloadBytes;
        own = new Address(SchemeIdentifier, system.Name, config.GetString("hostname"), config.GetInt("port"));
    }

    public override Task<(Address, TaskCompletionSource<IAssociationEventListener>)> Listen() =>
        Task.FromResult((own, new TaskCompletionSource<IAssociationEventListener>()));

    public override bool IsResponsibleFor(Address remote) => true;

    public override Task<AssociationHandle> Associate(Address remoteAddress) =>
        Task.FromException<AssociationHandle>(new InvalidAssociationException($"{remoteAddress}: this node is alone and calls nobody."));

    public override Task<bool> Shutdown() => Task.FromResult(true);
}
