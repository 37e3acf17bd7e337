using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using ExpoCluster.Cluster.Hosting;
using ExpoCluster.Core.Telemetry;

namespace ExpoCluster.Server.Telemetry;

/// <summary>Counts members that the cluster gave up, and messages that reached nobody.</summary>
internal sealed class MemberWatch : ReceiveActor
{
    private readonly Akka.Cluster.Cluster cluster = Akka.Cluster.Cluster.Get(Context.System);

    public MemberWatch(Tally lost, Tally deadLetters)
    {
        Receive<ClusterEvent.MemberRemoved>(removed =>
        {
            // Who leaves by itself is exiting before it is removed.
            if (removed.PreviousStatus == MemberStatus.Down)
            {
                foreach (string role in Node.RolesOf(removed.Member).Where(NodeSettings.AllRoles.Contains))
                {
                    lost.Add(role);
                }
            }
        });
        Receive<AllDeadLetters>(_ => deadLetters.Add(1));
        Receive<ClusterEvent.CurrentClusterState>(_ => { });
    }

    public static Props PropsFor(Tally lost, Tally deadLetters) => Props.Create(() => new MemberWatch(lost, deadLetters));

    protected override void PreStart()
    {
        cluster.Subscribe(Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsSnapshot, typeof(ClusterEvent.MemberRemoved));
        Context.System.EventStream.Subscribe<AllDeadLetters>(Self);
    }

    protected override void PostStop()
    {
        cluster.Unsubscribe(Self);
        Context.System.EventStream.Unsubscribe<AllDeadLetters>(Self);
    }
}
