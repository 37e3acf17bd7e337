using System.Globalization;
using Akka.Actor;
using Akka.Cluster;
using ExpoCluster.Cluster.Work;

namespace ExpoCluster.Cluster.Coordination;

/// <summary>The workers that one coordinator knows: of the cluster's members, those with the role.</summary>
internal sealed class WorkerDirectory(IActorContext context)
{
    private readonly Dictionary<string, Entry> entries = new(StringComparer.Ordinal);
    private readonly Akka.Cluster.Cluster cluster = Akka.Cluster.Cluster.Get(context.System);

    /// <summary>Those that are members and can be reached.</summary>
    public IEnumerable<string> Members => entries.Where(entry => entry.Value.Path is not null).Select(entry => entry.Key);

    /// <summary>Nobody is there who computes. The cluster is asked as well, for its news take a moment to come.</summary>
    public bool IsEmpty => entries.Count == 0 && !cluster.IsTerminated && !IsReachable(cluster.State);

    public static string NameOf(Member member) => NameOf(member.UniqueAddress);

    /// <summary>The name of this process's own node.</summary>
    public static string OwnName(ActorSystem system) => NameOf(Akka.Cluster.Cluster.Get(system).SelfUniqueAddress);

    /// <summary>A worker's name: its node's address, with the number that tells a restarted node from its predecessor.</summary>
    public static string NameOf(UniqueAddress node) => string.Create(
        CultureInfo.InvariantCulture, $"{node.Address.Host}:{node.Address.Port}#{(uint)node.Uid:x}");

    public void Subscribe() => cluster.Subscribe(
        context.Self,
        ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents,
        typeof(ClusterEvent.MemberUp),
        typeof(ClusterEvent.MemberRemoved),
        typeof(ClusterEvent.IReachabilityEvent));

    public void Unsubscribe() => cluster.Unsubscribe(context.Self);

    public void Add(Member member)
    {
        if (member.HasRole(Worker.Role))
        {
            EntryOf(NameOf(member)).Path = new RootActorPath(member.Address) / "user" / Worker.ActorName;
        }
    }

    public void Remove(Member member) => entries.Remove(NameOf(member));

    /// <summary>A worker that has spoken is known, whatever the cluster's news says.</summary>
    public void Learn(string worker, IActorRef sender) => EntryOf(worker).Ref = sender;

    /// <summary>True when the bytes of all its leases differ from the last time: the worker is moving.</summary>
    public bool HasMoved(string worker, long bytesDone)
    {
        Entry entry = EntryOf(worker);
        bool moved = entry.BytesDone != bytesDone;
        entry.BytesDone = bytesDone;
        return moved;
    }

    public void Tell(string worker, object message)
    {
        if (entries.TryGetValue(worker, out Entry? entry))
        {
            Tell(entry, message);
        }
    }

    public void Offer(Member member, object message)
    {
        if (entries.TryGetValue(NameOf(member), out Entry? entry))
        {
            Tell(entry, message);
        }
    }

    /// <summary>Tells every worker except those that are named.</summary>
    public void TellAllBut(IReadOnlyCollection<string> others, object message)
    {
        foreach ((string worker, Entry entry) in entries)
        {
            if (!others.Contains(worker))
            {
                Tell(entry, message);
            }
        }
    }

    public void TellAll(object message)
    {
        foreach (Entry entry in entries.Values)
        {
            Tell(entry, message);
        }
    }

    private static bool IsReachable(ClusterEvent.CurrentClusterState seen) =>
        seen.Members.Any(member => member.HasRole(Worker.Role) && member.Status == MemberStatus.Up && !seen.Unreachable.Contains(member));

    private void Tell(Entry entry, object message)
    {
        if (entry.Ref is not null)
        {
            entry.Ref.Tell(message, context.Self);
        }
        else if (entry.Path is not null)
        {
            context.ActorSelection(entry.Path).Tell(message, context.Self);
        }
    }

    private Entry EntryOf(string worker)
    {
        if (!entries.TryGetValue(worker, out Entry? entry))
        {
            entry = new Entry();
            entries[worker] = entry;
        }

        return entry;
    }

    private sealed class Entry
    {
        public ActorPath? Path { get; set; }

        public IActorRef? Ref { get; set; }

        public long BytesDone { get; set; } = -1;
    }
}
