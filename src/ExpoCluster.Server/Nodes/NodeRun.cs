using System.Globalization;
using ExpoCluster.Cluster.Membership;

namespace ExpoCluster.Server.Nodes;

/// <summary>The life of a node, from its options to its farewell.</summary>
public static class NodeRun
{
    private const string WarningPrefix = "warning: ";

    /// <summary>Returns when the node was told to leave and has left.</summary>
    /// <param name="options">What the node is.</param>
    /// <param name="say">Told what whoever runs the node should know.</param>
    /// <param name="leave">Tells the node to leave.</param>
    /// <exception cref="ClusterException">It could not become a node, or the others removed it.</exception>
    public static async Task UntilAsync(NodeOptions options, Action<string> say, CancellationToken leave)
    {
        if (options.LogFormat == LogFormat.Json)
        {
            Action<string> write = say;
            say = words => write(JsonOf(options, words));
        }

        foreach (string warning in options.Warnings)
        {
            say(WarningPrefix + warning);
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

    private static string JsonOf(NodeOptions options, string words)
    {
        bool isWarning = words.StartsWith(WarningPrefix, StringComparison.Ordinal);
        string message = isWarning ? words[WarningPrefix.Length..] : words;
        return new LogLine(TimeProvider.System.GetUtcNow(), isWarning ? "warning" : "info", "Node", message)
        {
            // Before it has joined it has no other address than the one that it was given.
            Node = options.Port > 0 ? string.Create(CultureInfo.InvariantCulture, $"{options.Hostname}:{options.Port}") : null,
        }.ToJson();
    }
}
