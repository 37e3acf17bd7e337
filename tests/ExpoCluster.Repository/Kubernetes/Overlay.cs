using System.Collections.Concurrent;
using System.Collections.Immutable;
using k8s;
using k8s.Models;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>What one of <c>k8s/overlays</c> comes to, each object read strictly: an unknown field is an error.</summary>
internal sealed class Overlay
{
    private static readonly string Root = Path.Join(Tree.Root, "k8s");

    // Kinds that Kubernetes does not have by itself.
    private static readonly Dictionary<string, Type> Others = new() { [ScaledObject.Name] = typeof(ScaledObject) };

    private static readonly ConcurrentDictionary<string, Lazy<Overlay>> Built = new(StringComparer.Ordinal);

    private Overlay(string text)
    {
        Text = text;
        Objects = [.. Parse(text)];
    }

    /// <summary>Of all examples that there are.</summary>
    public static IReadOnlyList<string> Examples { get; } =
        [.. Directory.EnumerateDirectories(Path.Join(Root, "examples")).Select(directory => Path.GetFileName(directory)).Order(StringComparer.Ordinal)];

    /// <summary>Of all overlays that there are.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Directory.EnumerateDirectories(Path.Join(Root, "overlays")).Select(directory => Path.GetFileName(directory)).Order(StringComparer.Ordinal)];

    public string Text { get; }

    public ImmutableArray<object> Objects { get; }

    public IEnumerable<Workload> Workloads =>
    [
        .. All<V1Deployment>().Select(made => new Workload(made.Metadata.Name, made.Spec.Replicas, made.Spec.Selector, made.Spec.Template)),
        .. All<V1StatefulSet>().Select(made => new Workload(made.Metadata.Name, made.Spec.Replicas, made.Spec.Selector, made.Spec.Template)),
    ];

    public IEnumerable<Workload> Nodes => Workloads.Where(workload => workload.IsNode);

    /// <summary>As it stands, or with components that its owner may add: <c>production+hub</c>.</summary>
    public static Overlay Named(string name) => Built.GetOrAdd(name, key => new Lazy<Overlay>(() => Build(key))).Value;

    /// <summary>One of <c>k8s/examples</c>.</summary>
    public static Overlay Example(string name) => Built.GetOrAdd("examples/" + name, _ => new Lazy<Overlay>(() => new Overlay(Kubectl.Kustomize(Path.Join(Root, "examples", name))))).Value;

    public static List<object> Parse(string text) => KubernetesYaml.LoadAllFromString(text, Others, strict: true);

    public IEnumerable<T> All<T>() => Objects.OfType<T>();

    public Workload Workload(string name) => Workloads.Single(workload => workload.Name == name);

    /// <summary>The variables that a workload's container is given; null for a value that stands elsewhere.</summary>
    public SortedDictionary<string, string?> VariablesOf(Workload workload)
    {
        var variables = new SortedDictionary<string, string?>(StringComparer.Ordinal);
        foreach (V1EnvFromSource source in workload.Container.EnvFrom ?? [])
        {
            foreach ((string name, string value) in All<V1ConfigMap>().Single(map => map.Metadata.Name == source.ConfigMapRef.Name).Data)
            {
                variables[name] = value;
            }
        }

        foreach (V1EnvVar variable in workload.Container.Env ?? [])
        {
            variables[variable.Name] = variable.Value;
        }

        return variables;
    }

    private static Overlay Build(string name)
    {
        string[] parts = name.Split('+');
        string overlay = Path.Join(Root, "overlays", parts[0]);
        return new Overlay(parts.Length == 1 ? Kubectl.Kustomize(overlay) : WithComponents(overlay, parts[1..]));
    }

    private static string WithComponents(string overlay, string[] components)
    {
        string directory = Directory.CreateTempSubdirectory("expocluster-k8s-").FullName;
        try
        {
            string Relative(string path) => Path.GetRelativePath(directory, path);
            File.WriteAllText(
                Path.Join(directory, "kustomization.yaml"),
                $"resources: [{Relative(overlay)}]\ncomponents: [{string.Join(", ", components.Select(component => Relative(Path.Join(Root, "components", component))))}]\n");
            return Kubectl.Kustomize(directory);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}
