using System.Collections.Immutable;
using Akka.Actor;
using Akka.Cluster;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Cluster.Protocol;

namespace ExpoCluster.Server.Dashboard.Live;

/// <summary>Asks every node how it is, each second while somebody watches and seldom else, and remembers those that were lost.</summary>
internal sealed class ClusterWatch : ReceiveActor, IWithTimers
{
    private const int MaxRemembered = 50;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    // Often enough that whoever opens the page finds the rates of the last minutes.
    private static readonly TimeSpan UnwatchedInterval = TimeSpan.FromSeconds(8);

    // A node that said nothing for so long computes nothing, as far as one can see.
    private static readonly TimeSpan Silence = UnwatchedInterval + TimeSpan.FromSeconds(4);

    private static readonly TimeSpan RateWindow = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(30);

    private readonly Akka.Cluster.Cluster cluster = Akka.Cluster.Cluster.Get(Context.System);
    private readonly Dictionary<Address, Pulse> pulses = [];
    private readonly List<(NodePicture Node, DateTimeOffset At)> ended = [];
    private readonly TimeProvider clock;
    private readonly Func<bool> isWatched;
    private readonly Action<ClusterPicture> told;
    private ImmutableArray<RateSample> rates = [];
    private DateTimeOffset askedAt;
    private long question;

    public ClusterWatch(TimeProvider clock, Func<bool> isWatched, Action<ClusterPicture> told)
    {
        this.clock = clock;
        this.isWatched = isWatched;
        this.told = told;
        Receive<Tick>(_ => OnTick());
        Receive<NodeVitals>(OnVitals);
        Receive<ClusterEvent.MemberRemoved>(OnRemoved);
        Receive<ClusterEvent.IMemberEvent>(_ => Show());
        Receive<ClusterEvent.IReachabilityEvent>(_ => Show());
        Receive<ClusterEvent.CurrentClusterState>(_ => { });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    public static Props PropsFor(TimeProvider clock, Func<bool> isWatched, Action<ClusterPicture> told) =>
        Props.Create(() => new ClusterWatch(clock, isWatched, told));

    protected override void PreStart()
    {
        cluster.Subscribe(Self, typeof(ClusterEvent.IMemberEvent), typeof(ClusterEvent.IReachabilityEvent));
        Timers.StartPeriodicTimer(nameof(Tick), Tick.Instance, TimeSpan.Zero, Interval);
    }

    protected override void PostStop() => cluster.Unsubscribe(Self);

    private void OnTick()
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (isWatched() || now - askedAt >= UnwatchedInterval)
        {
            askedAt = now;
            Ask();
        }

        ended.RemoveAll(node => now - node.At > Memory);
        rates = rates.With(now, Show().BytesPerSecond);
    }

    private void Ask()
    {
        question++;
        foreach (Member member in cluster.State.Members)
        {
            Context.ActorSelection(Vitals.PathOf(member.Address)).Tell(new DescribeNode { Question = question }, Self);
        }
    }

    private void OnVitals(NodeVitals vitals)
    {
        Address address = Sender.Path.Address.HasGlobalScope ? Sender.Path.Address : cluster.SelfAddress;
        if (!pulses.TryGetValue(address, out Pulse? pulse))
        {
            pulses[address] = pulse = new Pulse();
        }

        pulse.Take(vitals, clock.GetTimestamp());
    }

    private void OnRemoved(ClusterEvent.MemberRemoved message)
    {
        string state = message.PreviousStatus == MemberStatus.Down ? NodePicture.Lost : NodePicture.Gone;
        NodePicture last = Describe(message.Member, state) with { EndedAt = clock.GetUtcNow(), BytesPerSecond = null };
        ended.Add((last, clock.GetUtcNow()));
        if (ended.Count > MaxRemembered)
        {
            ended.RemoveAt(0);
        }

        pulses.Remove(message.Member.Address);
        Show();
    }

    private ClusterPicture Show()
    {
        ClusterEvent.CurrentClusterState state = cluster.State;
        IEnumerable<NodePicture> members = state.Members.Order(Member.AgeOrdering).Select(member => Describe(
            member, state.Unreachable.Contains(member) ? NodePicture.Unreachable : member.Status.ToString().ToLowerInvariant()));
        var picture = new ClusterPicture([.. members, .. ended.Select(node => node.Node)], state.Leader is { } leader ? NameOf(leader) : null, rates);
        told(picture);
        return picture;
    }

    private NodePicture Describe(Member member, string state)
    {
        Pulse? pulse = pulses.GetValueOrDefault(member.Address);
        return new NodePicture(NameOf(member.Address), [.. Node.RolesOf(member).Order(StringComparer.Ordinal)], state)
        {
            IsSelf = member.UniqueAddress.Equals(cluster.SelfUniqueAddress),
            Figures = pulse?.Figures,
            BytesPerSecond = state == NodePicture.Unreachable ? null : pulse?.BytesPerSecond(clock),
        };
    }

    private static string NameOf(Address address) => $"{address.Host}:{address.Port}";

    /// <summary>What one node has said over the last seconds.</summary>
    private sealed class Pulse
    {
        private readonly Queue<(long Timestamp, NodeVitals Vitals)> samples = new();
        private (long Timestamp, NodeVitals Vitals) last;

        public void Take(NodeVitals vitals, long timestamp)
        {
            if (last.Vitals is { } before && before.StartedUnixMs != vitals.StartedUnixMs)
            {
                samples.Clear();
            }

            last = (timestamp, vitals);
            samples.Enqueue(last);
            while (samples.Count > 2 && TimeProvider.System.GetElapsedTime(samples.Peek().Timestamp, timestamp) > RateWindow)
            {
                samples.Dequeue();
            }
        }

        public NodeFigures Figures => new(
            last.Vitals.Cores,
            PerSecond(vitals => vitals.CpuMs) / 1000,
            last.Vitals.MemoryUsed,
            last.Vitals.MemoryLimit,
            last.Vitals.Lanes,
            last.Vitals.Version,
            DateTimeOffset.FromUnixTimeMilliseconds(last.Vitals.StartedUnixMs),
            [.. last.Vitals.Parts.Select(part => new PartPicture(part.Job, part.File, part.Part, part.BytesDone, part.ByteCount))]);

        public double? BytesPerSecond(TimeProvider clock) => last.Vitals.Lanes == 0 ? null
            : clock.GetElapsedTime(last.Timestamp) > Silence ? 0
            : PerSecond(vitals => vitals.BytesComputed) ?? 0;

        private double? PerSecond(Func<NodeVitals, long> figure)
        {
            (long timestamp, NodeVitals first) = samples.Peek();
            double seconds = TimeProvider.System.GetElapsedTime(timestamp, last.Timestamp).TotalSeconds;
            return seconds > 0 ? Math.Max(0, figure(last.Vitals) - figure(first)) / seconds : null;
        }
    }

    private sealed class Tick
    {
        public static readonly Tick Instance = new();
    }
}
