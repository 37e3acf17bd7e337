namespace ExpoCluster.Repository.Kubernetes;

/// <summary>As <see cref="KubectlFactAttribute"/>, for several cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute() => Skip = Kubectl.Missing is { } missing ? $"needs {missing}" : null;
}
