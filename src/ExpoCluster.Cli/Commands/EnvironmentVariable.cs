namespace ExpoCluster.Cli.Commands;

/// <summary>What stands in the environment; an empty variable is none.</summary>
internal static class EnvironmentVariable
{
    public static string? Find(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
