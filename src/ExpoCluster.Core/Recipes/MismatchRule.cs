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

    /// <summary>The policy of a pattern that names the tensor; null where only a word for all tensors speaks of it.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="work">What it costs is counted there; null to count nowhere.</param>
    /// <remarks>A pattern names tensors if it holds a letter or a digit: <c>*</c> is a word for all of them.</remarks>
    public virtual MismatchPolicy? Named(string tensor, PlanningWork? work = null) => null;

    /// <summary>One of its words for tensors that nobody names takes or leaves out what only one side has.</summary>
    internal virtual bool PassesOverAnyName => false;

    internal bool IsNamed(string tensor, PlanningWork? work) => Named(tensor, work) is not null;

    private static bool TakesOrDrops(MismatchPolicy policy) => policy is MismatchPolicy.CopyAligned or MismatchPolicy.Drop;

    /// <summary>One policy for all tensors.</summary>
    public sealed record Constant(MismatchPolicy Policy) : MismatchRule
    {
        public override MismatchPolicy Of(string tensor, PlanningWork? work = null) => Policy;

        internal override bool PassesOverAnyName => TakesOrDrops(Policy);
    }

    /// <summary>By name: the first pattern that matches.</summary>
    public sealed record ByPattern(TensorPatterns<MismatchPolicy> Patterns) : MismatchRule
    {
        public override MismatchPolicy Of(string tensor, PlanningWork? work = null) => Patterns.Find(tensor, work)?.Value ?? MismatchPolicy.Error;

        public override MismatchPolicy? Named(string tensor, PlanningWork? work = null) =>
            Patterns.Find(tensor, work) is { } entry && Names(entry) ? entry.Value : null;

        internal override bool PassesOverAnyName => Patterns.Entries.Any(entry => !Names(entry) && TakesOrDrops(entry.Value));

        private static bool Names(TensorPattern<MismatchPolicy> entry) => entry.Match.Any(char.IsLetterOrDigit);
    }
}
