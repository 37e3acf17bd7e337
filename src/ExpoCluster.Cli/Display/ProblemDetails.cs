using ExpoCluster.Cli.Commands;
using ExpoCluster.Client.Problems;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Display;

/// <summary>An error as the things that are wrong, for programs.</summary>
internal static class ProblemDetails
{
    public static IReadOnlyList<ProblemDetail> Of(ExpoException exception) => exception switch
    {
        UsageException usage => [.. usage.Problems.Select(problem => new ProblemDetail(problem.Code, problem.Path, problem.Message, problem.Advice))],
        PlanningException planning => [.. planning.Kinds.Select(Of)],
        ServerException { Problem.Problems: { Count: > 0 } problems } => problems,
        _ => [new ProblemDetail(exception.Code, "", exception.Message, exception.Advice)],
    };

    private static ProblemDetail Of(PlanProblemKind kind) => new(kind.Code, kind.Path, kind.Message, kind.Advice)
    {
        Count = kind.Count, Pattern = kind.Pattern, Examples = kind.Examples, Tensors = [.. kind.NamesWithin()],
    };
}
