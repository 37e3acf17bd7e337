namespace ExpoCluster.Cluster.Membership;

/// <summary>A node as the database knows it.</summary>
/// <param name="Address">For example <c>akka.ssl.tcp://expocluster@127.0.0.1:4053</c>.</param>
/// <param name="IsMember">It is, or was when it was last seen, a member of the cluster.</param>
/// <param name="Age">Since it was last seen, by the database's clock.</param>
internal sealed record NodeRow(string Address, bool IsMember, TimeSpan Age);
