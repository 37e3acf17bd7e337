using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Recipes;

/// <summary>Which policy holds for a tensor that does not match: one for all, or by name.</summary>
public abstract record MismatchRule
{
    private MismatchRule()
    {
    }

    public static implicit operator MismatchRule(MismatchPolicy policy) => FromMismatchPolicy(policy);

    public static MismatchRule FromMismatchPolicy(MismatchPolicy policy) => new Constant(policy);

    /// <summary>The policy for one tensor; <see cref="MismatchPolicy.Error"/> where the rule says nothing about it.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="work">What it costs is counted there; null to count nowhere.</param>
    public abstract MismatchPolicy Of(string tensor, PlanningWork? work = null);

    /// <summary>One policy for all tensors.</summary>
    public sealed record Constant(MismatchPolicy Policy) : MismatchRule
    {
        public override MismatchPolicy Of(string tensor, PlanningWork? work = null) => Policy;
    }

    /// <summary>By name: the first pattern that matches.</summary>
    public sealed record ByPattern(TensorPatterns<MismatchPolicy> Patterns) : MismatchRule
    {
        public override MismatchPolicy Of(string tensor, PlanningWork? work = null) => Patterns.Find(tensor, work)?.Value ?? MismatchPolicy.Error;
    }
}
