using System.Security.Cryptography;
using System.Text;
using Akka.Cluster;

namespace ExpoCluster.Cluster.Membership;

/// <summary>What must be equal on all nodes of a cluster, as a role that every member can read of every other.</summary>
/// <remarks>Addresses are used again: what answers at one may by now be a node of another cluster.</remarks>
internal static class Fingerprint
{
    private const string Prefix = "same-";

    private const int Digits = 16;

    public static string RoleOf(string text) =>
        Prefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..Digits];

    /// <exception cref="ClusterException">Another member has another fingerprint.</exception>
    public static void Check(Akka.Cluster.Cluster cluster)
    {
        string own = Of(cluster.SelfMember);
        if (cluster.State.Members.FirstOrDefault(member => Of(member) != own) is { } other)
        {
            throw new ClusterException(
                ClusterException.Incompatible,
                $"the cluster of {other.Address} is not this node's: its database, its storage roots or its layout is another one.",
                "give all nodes the same --database and --storage-root, and the same version of ExpoCluster.");
        }
    }

    public static bool IsOne(string role) => role.StartsWith(Prefix, StringComparison.Ordinal);

    private static string Of(Member member) => member.Roles.FirstOrDefault(IsOne) ?? "";
}
