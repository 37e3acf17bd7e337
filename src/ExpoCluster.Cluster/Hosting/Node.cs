using System.Net.Sockets;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Cluster;
using Akka.Cluster.Sharding;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Membership;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Register;
using ExpoCluster.Cluster.Writing;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>A running node: its actor system, the regions of coordinators and writers (or the way to them) and, by role, a worker.</summary>
public sealed class Node : IAsyncDisposable
{
    public const string SystemName = "expocluster";

    // Kubernetes gives a process thirty seconds: ten for the parts under way, the rest for the cluster to take notice.
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(10);

    private const int MostStarts = 4;

    // Of Akka.Remote's TlsHandshakeFailureReason, which cannot be named here.
    private const int BrokenHandshakeExitCode = 79;

    private static readonly TimeSpan LeavePatience = TimeSpan.FromSeconds(15);

    private PeerCheck? peers;

    private Node(ActorSystem system, IActorRef coordinators, IActorRef writers, IActorRef? worker)
    {
        System = system;
        Coordinators = coordinators;
        Writers = writers;
        Worker = worker;
    }

    public ActorSystem System { get; }

    /// <summary>Takes every message to a coordinator, wherever it lives.</summary>
    public IActorRef Coordinators { get; }

    /// <summary>Takes every message to a writer, wherever it lives.</summary>
    public IActorRef Writers { get; }

    /// <summary>This node's own; null without the role.</summary>
    public IActorRef? Worker { get; }

    /// <summary>Of the node: its address, with the number that tells it from an earlier process there.</summary>
    public string Name => WorkerDirectory.OwnName(System);

    public Akka.Cluster.Cluster Cluster => Akka.Cluster.Cluster.Get(System);

    /// <summary>What a member does: coordinator, worker, web.</summary>
    public static IEnumerable<string> RolesOf(Akka.Cluster.Member member) => member.Roles.Where(role => !Fingerprint.IsOne(role));

    /// <summary>Why this node ended without being told to.</summary>
    public ClusterException WhyEnded => WhyTerminated(System, peers) ?? new ClusterException(
        ClusterException.Removed,
        "this node was removed from the cluster, for the others could not reach it or went on without it.",
        "start it again: it joins as a new node.");

    /// <summary>Starts a cluster of one.</summary>
    public static async Task<Node> StartAloneAsync(NodeSettings settings, PlanStore plans) =>
        await StartAloneAsync(await BeginAloneAsync(settings).ConfigureAwait(false), settings, plans).ConfigureAwait(false);

    /// <summary>Begins a cluster of one, for which what it will run need not be known; nor need its journal be there, if that starts later.</summary>
    /// <param name="settings">Those of its coordinators and its worker are not looked at.</param>
    public static async Task<ActorSystem> BeginAloneAsync(NodeSettings settings)
    {
        ActorSystem system = Bind(settings, peers: null);
        try
        {
            await JoinItselfAsync(Akka.Cluster.Cluster.Get(system)).ConfigureAwait(false);
            await SeeItselfAsync(Akka.Cluster.Cluster.Get(system)).ConfigureAwait(false);
            return system;
        }
        catch
        {
            await system.Terminate().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Starts what runs on a cluster of one that was begun.</summary>
    /// <remarks>
    /// Where jobs are not listed, the journal opens its database while regions start. Where they are, the list is mended first,
    /// and the first actor that needs the journal starts it: both may be in one file of SQLite, and when both made their tables
    /// at once, one of them waited for half a minute.
    /// </remarks>
    public static async Task<Node> StartAloneAsync(ActorSystem begun, NodeSettings settings, PlanStore plans)
    {
        try
        {
            if (settings.Coordinators.Register is null)
            {
                Akka.Persistence.Persistence.Instance.Apply(begun).JournalFor(NodeConfiguration.JournalPlugin);
            }

            return await StartActorsAsync(begun, settings, plans).ConfigureAwait(false);
        }
        catch
        {
            await begun.Terminate().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Starts a node and has it join a cluster before anything runs on it.</summary>
    /// <param name="settings">What the node is.</param>
    /// <param name="plans">Where plans are found.</param>
    /// <param name="join">Returns when the node is a member.</param>
    public static async Task<Node> StartAsync(NodeSettings settings, PlanStore plans, Func<Akka.Cluster.Cluster, Task> join)
    {
        for (int start = 1; ; start++)
        {
            try
            {
                return await StartOnceAsync(settings, plans, join).ConfigureAwait(false);
            }
            catch (ClusterException exception) when (exception.Code == ClusterException.BrokenCall && start < MostStarts)
            {
                // Whom it called was just leaving. Nothing runs here yet, so it begins anew, and asks whoever is there now.
            }
        }
    }

    private static async Task<Node> StartOnceAsync(NodeSettings settings, PlanStore plans, Func<Akka.Cluster.Cluster, Task> join)
    {
        PeerCheck? peers = settings.Shared is null ? null : new PeerCheck(CertificateOf(settings), TimeProvider.System);
        ActorSystem system = Bind(settings, peers);
        try
        {
            await JoinAsync(system, join(Akka.Cluster.Cluster.Get(system)), peers).ConfigureAwait(false);
            await SeeItselfAsync(Akka.Cluster.Cluster.Get(system)).ConfigureAwait(false);
            Fingerprint.Check(Akka.Cluster.Cluster.Get(system));
            Node started = await StartActorsAsync(system, settings, plans).ConfigureAwait(false);
            started.peers = peers;
            return started;
        }
        catch
        {
            Akka.Cluster.Cluster cluster = Akka.Cluster.Cluster.Get(system);
            if (settings.Shared is not null && !cluster.IsTerminated && cluster.SelfMember.Status != MemberStatus.Removed)
            {
                // Whoever let it in would wait for a member that only vanished, and give it up.
                await LeaveAsync(system).ConfigureAwait(false);
            }

            await system.Terminate().ConfigureAwait(false);
            throw;
        }
    }

    // Akka's own way to join gives up after ten seconds, and a machine that has much else to do may need more: nothing is lost by waiting.
    private static async Task JoinItselfAsync(Akka.Cluster.Cluster cluster)
    {
        var up = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cluster.RegisterOnMemberUp(() => up.TrySetResult());
        cluster.Join(cluster.SelfAddress);
        await Task.WhenAny(up.Task, cluster.System.WhenTerminated).ConfigureAwait(false);
    }

    // What a node sees of its cluster follows what it is a member of by some messages. Until then it would seem to be alone.
    private static async Task SeeItselfAsync(Akka.Cluster.Cluster cluster)
    {
        while (!cluster.IsTerminated && cluster.State.Members.All(member => !member.UniqueAddress.Equals(cluster.SelfUniqueAddress)))
        {
            await Task.Delay(LookInterval).ConfigureAwait(false);
        }
    }

    private static NodeCertificate CertificateOf(NodeSettings settings) =>
        settings.Certificate ?? throw new InvalidOperationException("A node of a cluster needs a certificate.");

    /// <summary>Finishes or hands back the parts under way, hands coordinators and writers over to other nodes, and leaves the cluster.</summary>
    public async Task LeaveAsync()
    {
        if (Worker is not null)
        {
            await Work.Worker.DrainAsync(Worker, DrainPatience).ConfigureAwait(false);
        }

        await LeaveAsync(System).ConfigureAwait(false);
    }

    private static async Task LeaveAsync(ActorSystem system)
    {
        Task left = CoordinatedShutdown.Get(system).Run(CoordinatedShutdown.ClusterLeavingReason.Instance);
        await Task.WhenAny(left, Task.Delay(LeavePatience)).ConfigureAwait(false);
    }

    /// <summary>Ends the process's part in the cluster without farewells: the journal holds all there is to know.</summary>
    public async ValueTask DisposeAsync() => await System.Terminate().ConfigureAwait(false);

    private static async Task<Node> StartActorsAsync(ActorSystem system, NodeSettings settings, PlanStore plans)
    {
        // Others may be reading these rows, and whoever runs has read them.
        JobRegister? register = settings.Roles.Contains(NodeSettings.CoordinatorRole) && Akka.Cluster.Cluster.Get(system).State.Members.Count == 1
            ? settings.Coordinators.Register
            : null;
        bool mustWake = register is not null && !settings.Coordinators.AwaitResume && await RememberedJobs.MendAsync(system, register).ConfigureAwait(false);
        (IActorRef coordinators, IActorRef writers) = settings.Roles.Contains(NodeSettings.CoordinatorRole)
            ? await StartRegionsAsync(system, settings, plans).ConfigureAwait(false)
            : await StartProxiesAsync(system, settings).ConfigureAwait(false);
        IActorRef? worker = StartWorker(system, settings, coordinators, writers, plans);
        if (mustWake)
        {
            await RememberedJobs.WakeAsync(register!, coordinators).ConfigureAwait(false);
        }

        system.ActorOf(Vitals.PropsFor(worker, settings.Coordinators.Version), Vitals.ActorName);
        return new Node(system, coordinators, writers, worker);
    }

    // Akka ends a node whose call broke while the two sides agreed on TLS, for a wrong certificate or any other reason, and does not say so to
    // whoever waits.
    private static async Task JoinAsync(ActorSystem system, Task joined, PeerCheck? peers)
    {
        try
        {
            await joined.ConfigureAwait(false);
        }
        catch (ClusterException exception) when (exception.Code == ClusterException.Incompatible && WhyTerminated(system, peers) is { } reason)
        {
            throw reason;
        }
    }

    private static ClusterException? WhyTerminated(ActorSystem system, PeerCheck? peers)
    {
        if (peers?.RefusedCall is { } reason)
        {
            return Untrusted(reason);
        }

        return CoordinatedShutdown.Get(system).ShutdownReason is { ExitCode: BrokenHandshakeExitCode }
            ? new ClusterException(
                ClusterException.BrokenCall,
                "a node that this one called went away while they agreed on TLS, and Akka ends a node for that.",
                "start it again: it joins as a new node.")
            : null;
    }

    private static ClusterException Untrusted(string reason) => new(
        ClusterException.UntrustedPeer,
        $"a node that this one called is not of this node's authority: {reason}.",
        "give all nodes valid certificates of one authority by --tls-cert and --tls-key, and that authority by --tls-ca.");

    private static ActorSystem Bind(NodeSettings settings, PeerCheck? peers)
    {
        try
        {
            var setup = ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(NodeConfiguration.Of(settings)));
            return ActorSystem.Create(SystemName, peers is null ? setup : setup.And(peers.Setup));
        }
        catch (Exception exception) when (exception.GetBaseException() is SocketException cause)
        {
            throw new ClusterException(
                ClusterException.AddressTaken,
                $"{settings.Hostname}:{settings.Port}: this node cannot listen there ({cause.Message}).",
                "choose another --port or --hostname, or stop what listens there.",
                exception);
        }
    }

    private static async Task<(IActorRef Coordinators, IActorRef Writers)> StartRegionsAsync(
        ActorSystem system, NodeSettings settings, PlanStore plans)
    {
        ClusterSharding sharding = ClusterSharding.Get(system);
        ClusterShardingSettings entities = ClusterShardingSettings.Create(system).WithRole(NodeSettings.CoordinatorRole);
        var coordinators = new RegionReference();
        IActorRef writers = await sharding.StartAsync(
            Addressing.Writers,
            id => Writer.PropsFor(id, coordinators.Region, plans),
            entities,
            Addressing.WriterExtractor(settings.Shards)).ConfigureAwait(false);
        coordinators.Region = await sharding.StartAsync(
            Addressing.Coordinators,
            job => Coordinator.PropsFor(job, writers, plans, settings.Coordinators, TimeProvider.System),
            // An embedded merge speaks to its one job itself: nothing has to be remembered that could be damaged.
            entities.WithRememberEntities(!settings.Coordinators.AwaitResume),
            Addressing.CoordinatorExtractor(settings.Shards)).ConfigureAwait(false);
        return (coordinators.Region, writers);
    }

    private static async Task<(IActorRef Coordinators, IActorRef Writers)> StartProxiesAsync(ActorSystem system, NodeSettings settings)
    {
        ClusterSharding sharding = ClusterSharding.Get(system);
        IActorRef writers = await sharding.StartProxyAsync(
            Addressing.Writers, NodeSettings.CoordinatorRole, Addressing.WriterExtractor(settings.Shards)).ConfigureAwait(false);
        IActorRef coordinators = await sharding.StartProxyAsync(
            Addressing.Coordinators, NodeSettings.CoordinatorRole, Addressing.CoordinatorExtractor(settings.Shards)).ConfigureAwait(false);
        return (coordinators, writers);
    }

    private static IActorRef? StartWorker(
        ActorSystem system, NodeSettings settings, IActorRef coordinators, IActorRef writers, PlanStore plans)
    {
        if (!settings.Roles.Contains(Work.Worker.Role))
        {
            return null;
        }

        string name = WorkerDirectory.OwnName(system);
        return system.ActorOf(
            Work.Worker.PropsFor(name, settings.Worker, coordinators, writers, plans, TimeProvider.System), Work.Worker.ActorName);
    }

    // Coordinators and writers speak to each other, so one region must start before the other is known. A remembered
    // coordinator may wake a writer in between, which then waits that moment.
    private sealed class RegionReference
    {
        private readonly TaskCompletionSource<IActorRef> started = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IActorRef Region
        {
            get => started.Task.GetAwaiter().GetResult();
            set => started.SetResult(value);
        }
    }
}
