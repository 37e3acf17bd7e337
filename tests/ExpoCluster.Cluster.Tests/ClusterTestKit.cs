using Akka.Configuration;
using Akka.TestKit.Xunit2;

namespace ExpoCluster.Cluster.Tests;

/// <summary>An actor system with the cluster's provider and a journal in memory that can be told to refuse.</summary>
public abstract class ClusterTestKit : TestKit
{
    private static readonly Config Settings = ConfigurationFactory.ParseString($$"""
        akka.loglevel = WARNING
        akka.actor.provider = cluster
        akka.coordinated-shutdown.run-by-actor-system-terminate = off
        akka.remote.dot-netty.tcp.hostname = "127.0.0.1"
        akka.remote.dot-netty.tcp.port = 0
        akka.persistence.journal.plugin = "refusable"
        refusable {
          class = "{{typeof(RefusableJournal).FullName}}, ExpoCluster.Cluster.Tests"
          plugin-dispatcher = "akka.actor.default-dispatcher"
        }
        """);

    protected ClusterTestKit()
        : base(Settings)
    {
    }

    protected static TimeSpan Soon => TimeSpan.FromSeconds(5);

    /// <summary>Long enough for a repetition that should not come.</summary>
    protected static TimeSpan Quiet => TimeSpan.FromMilliseconds(400);

    /// <summary>The next message of this type; others (repetitions, progress) are passed over.</summary>
    protected static T Fish<T>(Akka.TestKit.TestProbe probe, Func<T, bool>? isWanted = null, TimeSpan? within = null) => (T)probe.FishForMessage(
        message => message is T wanted && (isWanted is null || isWanted(wanted)), within ?? Soon);

    /// <summary>All messages of this type that arrive in that time.</summary>
    protected static IReadOnlyList<T> Said<T>(Akka.TestKit.TestProbe probe, TimeSpan during)
    {
        var said = new List<T>();
        long start = TimeProvider.System.GetTimestamp();
        while (during - TimeProvider.System.GetElapsedTime(start) is { Ticks: > 0 } left)
        {
            if (probe.ReceiveOne(left) is T wanted)
            {
                said.Add(wanted);
            }
        }

        return said;
    }
}
