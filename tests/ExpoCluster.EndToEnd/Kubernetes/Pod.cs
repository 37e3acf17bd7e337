namespace ExpoCluster.EndToEnd.Kubernetes;

/// <summary>A process that stands for a pod.</summary>
/// <param name="Address">Its own, as each pod has one.</param>
/// <param name="Http">Where it serves.</param>
/// <param name="Process">What runs in its container.</param>
internal sealed record Pod(string Address, Uri Http, ExpoProcess Process);
