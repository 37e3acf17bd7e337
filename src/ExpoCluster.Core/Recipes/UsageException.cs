using System.Collections.Immutable;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Recipes;

/// <summary>What was asked cannot be done, whatever the files hold: all reasons at once.</summary>
public sealed class UsageException(ImmutableArray<RecipeProblem> problems)
    : ExpoException(problems[0].Code, problems[0].Message, problems[0].Advice)
{
    public UsageException(RecipeProblem problem)
        : this([problem])
    {
    }

    public ImmutableArray<RecipeProblem> Problems { get; } = problems;
}
