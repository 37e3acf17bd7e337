using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Recipes;

/// <summary>How far each tensor is moved on: one number for all, by name, or by depth. Every number is finite in float32.</summary>
public abstract record AlphaRule
{
    private AlphaRule()
    {
    }

    public static implicit operator AlphaRule(double alpha) => FromDouble(alpha);

    public static AlphaRule FromDouble(double alpha) => new Constant(alpha);

    /// <summary>The alpha of all tensors, if the rule gives them the same; null otherwise.</summary>
    public virtual double? Single => null;

    /// <summary>Some tensor may get a number below zero: the output lies between the two, or beyond base.</summary>
    public virtual bool IsBelowZero => Single < 0;

    /// <summary>The alpha of one tensor; null if the rule says nothing about it.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="depths">Of the checkpoint that it belongs to.</param>
    /// <param name="work">What it costs is counted there; null to count nowhere.</param>
    public abstract double? Of(string tensor, LayerDepths depths, PlanningWork? work = null);

    /// <summary>For people: <c>0.3</c>, <c>0.5 for *.mlp.*, 0.3 for *</c>, or <c>0.1, 0.5 by depth</c>.</summary>
    public abstract override string ToString();

    private static string Number(double alpha) => alpha.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>One number for all tensors.</summary>
    public sealed record Constant(double Value) : AlphaRule
    {
        public override double? Single => Value;

        public override double? Of(string tensor, LayerDepths depths, PlanningWork? work = null) => Value;

        public override string ToString() => Number(Value);
    }

    /// <summary>By name: the first pattern that matches.</summary>
    public sealed record ByPattern(TensorPatterns<double> Patterns) : AlphaRule
    {
        public override bool IsBelowZero => Patterns.Entries.Any(entry => entry.Value < 0);

        public override double? Of(string tensor, LayerDepths depths, PlanningWork? work = null) => Patterns.Find(tensor, work)?.Value;

        public override string ToString() => string.Join(", ", Patterns.Entries.Select(entry => $"{Number(entry.Value)} for {entry.Match}"));
    }

    /// <summary>
    /// By depth, as mergekit's gradients: the numbers are spread evenly from the first layer to the last, with straight lines
    /// between them. What is in no layer (embeddings, final norm, head) takes the first number.
    /// </summary>
    public sealed record ByDepth(ImmutableArray<double> Values) : AlphaRule
    {
        public override bool IsBelowZero => Values.Any(value => value < 0);

        public override double? Of(string tensor, LayerDepths depths, PlanningWork? work = null)
        {
            double place = depths.Of(tensor) * (Values.Length - 1);
            int lower = (int)place;
            int upper = Math.Min(Values.Length - 1, lower + 1);
            double share = place - lower;
            return ((1 - share) * Values[lower]) + (share * Values[upper]);
        }

        public bool Equals(ByDepth? other) => other is not null && Values.SequenceEqual(other.Values);

        public override int GetHashCode() => Values.Aggregate(0, HashCode.Combine);

        public override string ToString() => string.Join(", ", Values.Select(Number)) + " by depth";
    }
}
