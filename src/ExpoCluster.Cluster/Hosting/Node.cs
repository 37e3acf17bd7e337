using Akka.Actor;
using Akka.Cluster.Sharding;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Protocol;
using ExpoCluster.Cluster.Work;
using ExpoCluster.Cluster.Writing;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Cluster.Hosting;

/// <summary>A running node: its actor system, with the regions of coordinators and writers and, by role, a worker.</summary>
public sealed class Node : IAsyncDisposable
{
    public const string SystemName = "expocluster";

    private Node(ActorSystem system, IActorRef coordinators)
    {
        System = system;
        Coordinators = coordinators;
    }

    public ActorSystem System { get; }

    /// <summary>Takes every message to a coordinator.</summary>
    public IActorRef Coordinators { get; }

    /// <summary>Starts a cluster of one.</summary>
    public static async Task<Node> StartAloneAsync(NodeSettings settings, PlanStore plans)
    {
        ActorSystem system = ActorSystem.Create(SystemName, NodeConfiguration.Of(settings));
        var cluster = Akka.Cluster.Cluster.Get(system);
        await cluster.JoinAsync(cluster.SelfAddress).ConfigureAwait(false);
        return await StartActorsAsync(system, settings, plans).ConfigureAwait(false);
    }

    /// <summary>Ends the process's part in the cluster without farewells: the journal holds all there is to know.</summary>
    public async ValueTask DisposeAsync() => await System.Terminate().ConfigureAwait(false);

    private static async Task<Node> StartActorsAsync(ActorSystem system, NodeSettings settings, PlanStore plans)
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
        StartWorker(system, settings, coordinators.Region, writers, plans);
        return new Node(system, coordinators.Region);
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
