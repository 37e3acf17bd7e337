using ExpoCluster.Cluster.Membership;

namespace ExpoCluster.Server.Nodes;

/// <summary>The life of a node, from its options to its farewell.</summary>
public static class NodeRun
{
    /// <summary>Returns when the node was told to leave and has left.</summary>
    /// <param name="options">What the node is.</param>
    /// <param name="say">Told what whoever runs the node should know.</param>
    /// <param name="leave">Tells the node to leave.</param>
    /// <exception cref="ClusterException">It could not become a node, or the others removed it.</exception>
    public static async Task UntilAsync(NodeOptions options, Action<string> say, CancellationToken leave)
    {
        foreach (string warning in options.Warnings)
        {
            say("warning: " + warning);
        }

        await using ClusterNode node = await ClusterNode.StartAsync(options, say, leave).ConfigureAwait(false);
        say($"member of the cluster as {node.Node.Cluster.SelfAddress} ({string.Join(", ", options.Roles)}).");
        if (node.Http is { } http)
        {
            say($"serving {http}");
        }

        await Task.WhenAny(node.Node.System.WhenTerminated, Task.Delay(Timeout.Infinite, leave)).ConfigureAwait(false);
        if (!leave.IsCancellationRequested)
        {
            throw node.Node.WhyEnded;
        }

        say("leaving the cluster.");
        await node.LeaveAsync().ConfigureAwait(false);
        say("left.");
    }
}
