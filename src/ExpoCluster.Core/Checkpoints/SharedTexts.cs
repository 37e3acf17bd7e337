using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Keeps one copy of what is equal: checkpoints that are merged have the same names and shapes, hundreds of thousands of them.</summary>
internal sealed class SharedTexts
{
    // Neighbours have the same shape, and a layer has few.
    private const int Shapes = 64;

    private readonly HashSet<string> texts = new(StringComparer.Ordinal);
    private readonly ImmutableArray<long>[] shapes = new ImmutableArray<long>[Shapes];

    /// <summary>The first text that was equal to this one.</summary>
    public string Share(string text)
    {
        if (texts.TryGetValue(text, out string? known))
        {
            return known;
        }

        texts.Add(text);
        return text;
    }

    /// <summary>A shape equal to this one, most often one that is there already.</summary>
    public ImmutableArray<long> Share(ImmutableArray<long> shape)
    {
        var hash = new HashCode();
        foreach (long extent in shape)
        {
            hash.Add(extent);
        }

        ref ImmutableArray<long> known = ref shapes[(uint)hash.ToHashCode() % Shapes];
        if (known.IsDefault || !known.AsSpan().SequenceEqual(shape.AsSpan()))
        {
            known = shape;
        }

        return known;
    }
}
