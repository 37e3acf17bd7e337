namespace ExpoCluster.EndToEnd;

/// <summary>Runs only with EXPO_LONG=1, as CI sets it: it takes more than a few seconds.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LongFactAttribute : FactAttribute
{
    public LongFactAttribute(params string[] tools)
    {
        Skip = Environment.GetEnvironmentVariable("EXPO_LONG") == "1" ? Needs.Missing(tools) : "long: set EXPO_LONG=1 to run it";
    }
}

/// <summary>The same for a method of several cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class LongTheoryAttribute : TheoryAttribute
{
    public LongTheoryAttribute(params string[] tools)
    {
        Skip = Environment.GetEnvironmentVariable("EXPO_LONG") == "1" ? Needs.Missing(tools) : "long: set EXPO_LONG=1 to run it";
    }
}

/// <summary>Skipped, with the reason, where a tool is not installed. CI installs all of them.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FactNeedingAttribute : FactAttribute
{
    public FactNeedingAttribute(params string[] tools) => Skip = Needs.Missing(tools);
}

internal static class Needs
{
    /// <summary>May mount file systems.</summary>
    public const string Root = "root";

    /// <summary>A PostgreSQL server of the test's own can be started.</summary>
    public const string Postgres = "PostgreSQL";

    /// <summary>Networks of the test's own can be made.</summary>
    public const string Namespaces = "network namespaces";

    /// <summary>kubectl, which builds manifests.</summary>
    public const string Kubectl = "kubectl with kustomize 5";

    /// <summary>A browser for the dashboard's pages.</summary>
    public const string Browser = "chromium";

    /// <summary>A limit of memory as containers have it can be made.</summary>
    public const string Cgroup = "a memory cgroup";

    public static string? Missing(string[] tools)
    {
        string[] missing = [.. tools.Where(tool => !IsThere(tool))];
        return missing.Length == 0 ? null : $"needs {string.Join(", ", missing)}";
    }

    private static bool IsThere(string tool) => tool switch
    {
        Root => Environment.UserName == "root" && OperatingSystem.IsLinux(),
        Postgres => PostgresServer.Missing is null,
        Namespaces => NetworkHalves.Missing is null,
        Cgroup => MemoryCgroup.Missing is null,
        Kubectl => Repository.Kubernetes.Kubectl.Missing is null,
        _ => IsInPath(tool),
    };

    private static bool IsInPath(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Join(directory, tool)));
}
