using System.Reflection;

namespace ExpoCluster.Cli.Commands;

/// <summary>The version that provenance and model cards name.</summary>
internal static class ProgramVersion
{
    public static string Current { get; } = typeof(ProgramVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
