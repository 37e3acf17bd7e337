using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Cluster;
using ExpoCluster.Cluster.Coordination;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Telemetry;
using ExpoCluster.Server.Nodes;

namespace ExpoCluster.Server.Telemetry;

/// <summary>What one node sees of its cluster, its storage and its own mailboxes.</summary>
internal sealed class NodeMetrics : IDisposable
{
    private const string Up = "up";
    private const string Unreachable = "unreachable";
    private const string Other = "other";

    private static readonly TimeSpan StoragePatience = TimeSpan.FromMilliseconds(500);

    private readonly Meter meter;
    private readonly Node node;
    private readonly StorageSight storage;
    private readonly NodeOptions options;

    public NodeMetrics(Node node, NodeOptions options, StorageSight storage)
    {
        this.node = node;
        this.options = options;
        this.storage = storage;
        // Its tags keep the instruments of several nodes in one process apart.
        meter = new Meter(new MeterOptions(EngineTelemetry.Name) { Tags = [new(JobTrace.NodeAttribute, node.Name)] });
        // Instruments of the engine exist from now on, also those of roles that this node does not have.
        RuntimeHelpers.RunClassConstructor(typeof(PartMetrics).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(JobMetrics).TypeHandle);
        RuntimeHelpers.RunClassConstructor(typeof(LogMetrics).TypeHandle);

        meter.CreateObservableGauge("expocluster.node.info", Info, "{node}", "Always 1; what the node is stands in the labels.");
        meter.CreateObservableGauge("expocluster.cluster.members", Members, "{node}", "Members of the cluster as this node sees them, by role and state.");
        meter.CreateObservableGauge("expocluster.storage.free", () => Storage(root => root.FreeBytes), "By", "What may still be written below a storage root.");
        meter.CreateObservableGauge("expocluster.storage.size", () => Storage(root => root.SizeBytes), "By", "Of the file system of a storage root.");
        meter.CreateObservableGauge("expocluster.storage.seen", Seen, "{root}", "1 for a storage root that can be used, 0 for one that cannot.");
        meter.CreateObservableGauge("expocluster.mailbox.depth", Mailboxes, "{message}", "Messages that wait for an actor of this node.");
        Tally lost = Tally.Count(meter, "expocluster.cluster.members.lost", "{node}", "Members that the cluster gave up, by role; those that left are not counted.", "role", [.. NodeSettings.AllRoles]);
        Tally deadLetters = Tally.Count(meter, "expocluster.dead.letters", "{message}", "Messages that reached nobody, as while nodes come and go.");
        node.System.ActorOf(MemberWatch.PropsFor(lost, deadLetters), "member-watch");
    }

    public void Dispose() => meter.Dispose();

    private Measurement<int> Info() => new(1, new("version", options.Version), new("roles", string.Join(',', options.Roles)), new("node", node.Name));

    private IEnumerable<Measurement<int>> Members()
    {
        if (node.Cluster.IsTerminated)
        {
            return [];
        }

        ClusterEvent.CurrentClusterState state = node.Cluster.State;
        return
            from role in NodeSettings.AllRoles
            from word in new[] { Up, Unreachable, Other }
            select new Measurement<int>(
                state.Members.Count(member => member.HasRole(role) && WordOf(member, state) == word), new("role", role), new("state", word));
    }

    private static string WordOf(Member member, ClusterEvent.CurrentClusterState state) => state.Unreachable.Contains(member)
        ? Unreachable
        : member.Status == MemberStatus.Up ? Up : Other;

    private IEnumerable<Measurement<long>> Storage(Func<RootSight, long> value) => Look()
        .Where(root => root.Problem is null)
        .Select(root => new Measurement<long>(value(root), new KeyValuePair<string, object?>("root", root.Root)));

    private IEnumerable<Measurement<int>> Seen() => Look()
        .Select(root => new Measurement<int>(root.Problem is null ? 1 : 0, new KeyValuePair<string, object?>("root", root.Root)));

    // A scrape is a thread of its own, and waits for no storage longer than this.
    private ImmutableArray<RootSight> Look() => storage.LookAsync(StoragePatience).GetAwaiter().GetResult();

    private IEnumerable<Measurement<int>> Mailboxes() =>
        from mailbox in new (string Name, IActorRef? Actor)[] { ("coordinators", node.Coordinators), ("writers", node.Writers), ("worker", node.Worker) }
        where mailbox.Actor is ActorRefWithCell
        select new Measurement<int>(((ActorRefWithCell)mailbox.Actor!).Underlying.NumberOfMessages, new KeyValuePair<string, object?>("actor", mailbox.Name));
}
