using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>What makes pods: a Deployment or a StatefulSet.</summary>
/// <param name="Name">Its own.</param>
/// <param name="Replicas">How many pods; null where an autoscaler says.</param>
/// <param name="Selector">By which it finds its pods.</param>
/// <param name="Template">What its pods are made from.</param>
internal sealed record Workload(string Name, int? Replicas, V1LabelSelector Selector, V1PodTemplateSpec Template)
{
    public V1PodSpec Pod => Template.Spec;

    public V1Container Container => Assert.Single(Pod.Containers);

    public bool IsNode => Container.Name == "node";

    public bool Matches(V1LabelSelector? selector) => selector is not null && Matches(selector.MatchLabels ?? new Dictionary<string, string>());

    public bool Matches(IDictionary<string, string> labels) =>
        labels.All(label => Template.Metadata.Labels.TryGetValue(label.Key, out string? value) && value == label.Value);

    public override string ToString() => Name;
}
