namespace ExpoCluster.Repository.Kubernetes;

/// <summary>Runs where kubectl is installed; it needs no cluster. Skipped with the reason elsewhere.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubectlFactAttribute : FactAttribute
{
    public KubectlFactAttribute() => Skip = Kubectl.Missing is { } missing ? $"needs {missing}" : null;
}
