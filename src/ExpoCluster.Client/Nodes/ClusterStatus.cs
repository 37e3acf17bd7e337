namespace ExpoCluster.Client.Nodes;

/// <summary>The cluster as one of its nodes sees it.</summary>
/// <param name="Self">The address of the node that answers.</param>
/// <param name="Leader">The address of the leader; null when there is none, as in a partition.</param>
/// <param name="Version">Of the program on the node that answers.</param>
/// <param name="Nodes">All members, the oldest first.</param>
public sealed record ClusterStatus(string Self, string? Leader, string Version, IReadOnlyList<ClusterMember> Nodes);

/// <summary>A member of the cluster.</summary>
/// <param name="Address">As other nodes reach it.</param>
/// <param name="Roles">coordinator, worker, web.</param>
/// <param name="Status">joining, up, leaving, exiting, down, removed or weaklyup.</param>
/// <param name="Reachable">For the node that answers.</param>
public sealed record ClusterMember(string Address, IReadOnlyList<string> Roles, string Status, bool Reachable);

/// <summary>Whether a node can do its work.</summary>
/// <param name="Status"><c>ok</c> or <c>unavailable</c>.</param>
/// <param name="Checks">Each with the reason when it does not hold.</param>
public sealed record NodeHealth(string Status, IReadOnlyList<HealthCheck> Checks);

/// <summary>One thing that a node needs.</summary>
/// <param name="Name">What.</param>
/// <param name="Holds">Whether it is there.</param>
/// <param name="Reason">Why not; null when it is there.</param>
public sealed record HealthCheck(string Name, bool Holds, string? Reason);
