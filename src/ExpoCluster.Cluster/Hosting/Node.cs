using Akka.Actor;
using Akka.Cluster.Sharding;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Cluster.Writing;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>A running node: its actor system, the regions of coordinators and writers (or the way to them) and, by role, a worker.</summary>
public sealed class Node : IAsyncDisposable
{
    public const string SystemName = "expocluster";

    private Node(ActorSystem system, IActorRef coordinators, IActorRef writers)
    {
        System = system;
        Coordinators = coordinators;
        Writers = writers;
    }

    public ActorSystem System { get; }

    /// <summary>Takes every message to a coordinator, wherever it lives.</summary>
    public IActorRef Coordinators { get; }

    /// <summary>Takes every message to a writer, wherever it lives.</summary>
    public IActorRef Writers { get; }

    public Akka.Cluster.Cluster Cluster => Akka.Cluster.Cluster.Get(System);

    /// <summary>Starts a cluster of one.</summary>
    public static Task<Node> StartAloneAsync(NodeSettings settings, PlanStore plans) =>
        StartAsync(settings, plans, cluster => cluster.JoinAsync(cluster.SelfAddress));

    /// <summary>Starts a node and has it join a cluster before anything runs on it.</summary>
    /// <param name="settings">What the node is.</param>
    /// <param name="plans">Where plans are found.</param>
    /// <param name="join">Returns when the node is a member.</param>
    public static async Task<Node> StartAsync(NodeSettings settings, PlanStore plans, Func<Akka.Cluster.Cluster, Task> join)
    {
        ActorSystem system = ActorSystem.Create(SystemName, NodeConfiguration.Of(settings));
        try
        {
            await join(Akka.Cluster.Cluster.Get(system)).ConfigureAwait(false);
            return await StartActorsAsync(system, settings, plans).ConfigureAwait(false);
        }
        catch
        {
            await system.Terminate().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends the process's part in the cluster without farewells: the journal holds all there is to know.</summary>
    public async ValueTask DisposeAsync() => await System.Terminate().ConfigureAwait(false);

    private static async Task<Node> StartActorsAsync(ActorSystem system, NodeSettings settings, PlanStore plans)
    {
        (IActorRef coordinators, IActorRef writers) = settings.Roles.Contains(NodeSettings.CoordinatorRole)
            ? await StartRegionsAsync(system, settings, plans).ConfigureAwait(false)
            : await StartProxiesAsync(system, settings).ConfigureAwait(false);
        StartWorker(system, settings, coordinators, writers, plans);
        return new Node(system, coordinators, writers);
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
            entities.WithRememberEntities(true),
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

    private static void StartWorker(
        ActorSystem system, NodeSettings settings, IActorRef coordinators, IActorRef writers, PlanStore plans)
    {
        if (settings.Roles.Contains(Worker.Role))
        {
            string name = WorkerDirectory.NameOf(Akka.Cluster.Cluster.Get(system).SelfUniqueAddress);
            system.ActorOf(
                Worker.PropsFor(name, settings.Worker, coordinators, writers, plans, TimeProvider.System), Worker.ActorName);
        }
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
