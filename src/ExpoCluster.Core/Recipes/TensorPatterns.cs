using System.Collections.Immutable;
using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Recipes;

/// <summary>One entry of a list in a recipe.</summary>
/// <param name="Match">A glob over tensor names: <c>*</c> any text, <c>?</c> one character, <c>\</c> takes the next as it is.</param>
/// <param name="Value">What holds for the tensors that it matches.</param>
public sealed record TensorPattern<T>(string Match, T Value)
{
    public bool Matches(string tensor) => Glob.Matches(Match, tensor);
}

/// <summary>Values by tensor name: of several patterns that match, the first one counts.</summary>
public sealed class TensorPatterns<T>(ImmutableArray<TensorPattern<T>> entries) : IEquatable<TensorPatterns<T>>
{
    private const long LookUpAfter = 1_000_000;

    public ImmutableArray<TensorPattern<T>> Entries { get; } = entries;

    /// <summary>The first entry that matches; null if none does.</summary>
    /// <param name="tensor">Its name.</param>
    /// <param name="work">What it costs is counted there; null to count nowhere.</param>
    /// <exception cref="UsageException">It costs more than the work may.</exception>
    public TensorPattern<T>? Find(string tensor, PlanningWork? work = null)
    {
        long steps = 0;
        foreach (TensorPattern<T> entry in Entries)
        {
            // A single one may cost much: a checkpoint may have a name of megabytes, and a recipe a pattern of as many.
            PlanningWork.CheckMatching(entry.Match.Length, tensor.Length);
            if (Glob.Matches(entry.Match, tensor, ref steps))
            {
                work?.SpendMatching(steps);
                return entry;
            }

            if (steps > LookUpAfter)
            {
                work?.SpendMatching(steps);
                steps = 0;
            }
        }

        work?.SpendMatching(steps);
        return null;
    }

    public bool Equals(TensorPatterns<T>? other) => other is not null && Entries.SequenceEqual(other.Entries);

    public override bool Equals(object? obj) => Equals(obj as TensorPatterns<T>);

    public override int GetHashCode() => Entries.Aggregate(0, HashCode.Combine);
}
