using System.Collections.Immutable;
using ExpoCluster.Cli.Commands;

namespace ExpoCluster.Repository.Kubernetes;

/// <summary>The environment variables that <c>expocluster node</c> reads as options.</summary>
internal static class NodeVariables
{
    public static ImmutableHashSet<string> All { get; } =
        [.. ExpoClusterCommand.Create().Subcommands.Single(command => command.Name == "node").Options.Select(option => NodeCommand.VariableOf(option.Name))];
}
