using ExpoCluster.Client.Problems;

namespace ExpoCluster.Server.Api;

/// <summary>A request that was refused by a status alone, or thrown out of.</summary>
internal sealed class RefusalException(Problem problem) : Exception(problem.Detail)
{
    public Problem Problem { get; } = problem;
}
