using k8s;
using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>KEDA's kind, by the fields of its definition (keda.sh/v1alpha1) that the manifests use: any other is an error here.</summary>
internal sealed class ScaledObject : IKubernetesObject<V1ObjectMeta>
{
    public const string Name = "keda.sh/v1alpha1/ScaledObject";

    public string ApiVersion { get; set; } = "";

    public string Kind { get; set; } = "";

    public V1ObjectMeta Metadata { get; set; } = new();

    public ScaledObjectSpec Spec { get; set; } = new();
}

internal sealed class ScaledObjectSpec
{
    public V2CrossVersionObjectReference ScaleTargetRef { get; set; } = new();

    public int? MinReplicaCount { get; set; }

    public int? MaxReplicaCount { get; set; }

    public int? PollingInterval { get; set; }

    public int? CooldownPeriod { get; set; }

    public ScaledObjectFallback? Fallback { get; set; }

    public ScaledObjectAdvanced? Advanced { get; set; }

    public List<ScaledObjectTrigger> Triggers { get; set; } = [];
}

internal sealed class ScaledObjectFallback
{
    public int FailureThreshold { get; set; }

    public int Replicas { get; set; }
}

internal sealed class ScaledObjectAdvanced
{
    public ScaledObjectAutoscaler? HorizontalPodAutoscalerConfig { get; set; }
}

internal sealed class ScaledObjectAutoscaler
{
    public V2HorizontalPodAutoscalerBehavior? Behavior { get; set; }
}

/// <summary>Of the kind <c>prometheus</c>, whose metadata are texts all.</summary>
internal sealed class ScaledObjectTrigger
{
    public string Type { get; set; } = "";

    public string MetricType { get; set; } = "";

    public Dictionary<string, string> Metadata { get; set; } = [];
}
