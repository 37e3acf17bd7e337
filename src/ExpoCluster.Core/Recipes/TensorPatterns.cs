using System.Collections.Immutable;

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
    public ImmutableArray<TensorPattern<T>> Entries { get; } = entries;

    /// <summary>The first entry that matches; null if none does.</summary>
    public TensorPattern<T>? Find(string tensor) => Entries.FirstOrDefault(entry => entry.Matches(tensor));

    public bool Equals(TensorPatterns<T>? other) => other is not null && Entries.SequenceEqual(other.Entries);

    public override bool Equals(object? obj) => Equals(obj as TensorPatterns<T>);

    public override int GetHashCode() => Entries.Aggregate(0, HashCode.Combine);
}
