namespace ExpoCluster.Core.Recipes;

/// <summary>Of which checkpoint names are changed.</summary>
public enum RenamedSide
{
    Base,
    Aligned,
}

/// <summary>A rule by which tensors of one checkpoint are called otherwise before the two are joined by name.</summary>
/// <param name="From">
/// A literal beginning of the name; or, with <c>*</c> (any text) or <c>?</c> (one character), a glob over the whole name, in which
/// <c>\</c> takes the next character as it is.
/// </param>
/// <param name="To">What stands there instead; of a glob with the same wildcards in the same order, each of which is what it matched.</param>
/// <param name="In">The checkpoint.</param>
public sealed record TensorRename(string From, string To, RenamedSide In)
{
    private static readonly char[] Wildcards = ['*', '?'];

    private readonly GlobRename? glob = From.IndexOfAny(Wildcards) < 0 ? null : new GlobRename(From, To);

    /// <summary>Both sides have the same wildcards in the same order, so that each has something to stand for.</summary>
    public bool IsSound => glob?.IsSound ?? To.IndexOfAny(Wildcards) < 0;

    /// <summary>The new name; null where the rule says nothing about this one.</summary>
    /// <param name="name">As it stands in the checkpoint.</param>
    public string? Apply(string name)
    {
        long steps = 0;
        return Apply(name, ref steps);
    }

    /// <param name="name">As it stands in the checkpoint.</param>
    /// <param name="steps">Grows by about as many characters as were compared.</param>
    internal string? Apply(string name, ref long steps)
    {
        steps += From.Length + 1;
        return glob is not null ? glob.Apply(name, ref steps)
            : name.StartsWith(From, StringComparison.Ordinal) ? string.Concat(To, name.AsSpan(From.Length))
            : null;
    }

    public bool Equals(TensorRename? other) => other is not null && (From, To, In) == (other.From, other.To, other.In);

    public override int GetHashCode() => HashCode.Combine(From, To, In);
}
