namespace ExpoCluster.Repository.Kubernetes;

/// <summary>The overlays that tests look at: each as it stands, and one with all that its owner may add.</summary>
public static class OverlayCases
{
    public const string WithEverything = "production+hub+autoscaling";

    public const string WithKeda = "local+keda";

    public static TheoryData<string> All => [.. Overlay.Names, WithEverything, WithKeda];
}
