using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Commands;

/// <summary>The node on this machine cannot work now.</summary>
internal sealed class NodeHealthException(string message)
    : ExpoException(NotReady, message, "look at the node's log; while it starts, wait.")
{
    public const string NotReady = "EXPO5037";
}
