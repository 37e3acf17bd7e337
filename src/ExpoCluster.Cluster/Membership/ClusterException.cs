using ExpoCluster.Tensors;

namespace ExpoCluster.Cluster.Membership;

/// <summary>This process cannot be, or stay, a node of the cluster.</summary>
public sealed class ClusterException(string code, string message, string advice, Exception? innerException = null)
    : ExpoException(code, message, advice, innerException)
{
    public const string DatabaseRefuses = "EXPO5010";
    public const string OtherStorage = "EXPO5011";
    public const string AddressTaken = "EXPO5012";
    public const string Removed = "EXPO5013";
    public const string Incompatible = "EXPO5014";
    public const string NewerDatabase = "EXPO5045";
    public const string UntrustedPeer = "EXPO5034";
    public const string OtherTransport = "EXPO5035";
    public const string BrokenCall = "EXPO5039";
}
