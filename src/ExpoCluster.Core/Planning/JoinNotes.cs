using System.Globalization;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>What became of tensors that were not simply extrapolated, told in sentences.</summary>
internal sealed class JoinNotes
{
    private const int MaxShown = 12;

    private readonly SortedDictionary<Fate, List<string>> byFate = [];

    /// <summary>In the order in which they are told.</summary>
    public enum Fate
    {
        DroppedBuffer,
        LeftOutBuffer,
        TakenBuffer,
        TakenFromAligned,
        Dropped,
        OnlyInBase,
        RowsCopied,
        RowsLeftOut,
        Untied,
        TiedInAligned,
        TiedInBase,
    }

    public IEnumerable<string> Sentences => byFate.Select(pair => Sentence(Words(pair.Key), pair.Value));

    /// <param name="fate">What became of it.</param>
    /// <param name="tensor">Its name, perhaps with a figure.</param>
    public void Add(Fate fate, string tensor)
    {
        if (!byFate.TryGetValue(fate, out List<string>? tensors))
        {
            byFate[fate] = tensors = [];
        }

        tensors.Add(tensor);
    }

    private static string Words(Fate fate) => fate switch
    {
        Fate.DroppedBuffer => "left out, for they are derived from the configuration",
        Fate.LeftOutBuffer => "left out, because they are buffers and not weights",
        Fate.TakenBuffer => "taken from aligned as they are, because they are buffers and not weights",
        Fate.TakenFromAligned => "taken from aligned as they are",
        Fate.Dropped => "left out, for base and aligned do not match",
        Fate.OnlyInBase => "not in the output, for only base has them",
        Fate.RowsCopied => "extrapolated in the rows that base has too, and copied from aligned in the others",
        Fate.RowsLeftOut => "extrapolated in the rows that aligned has; base's further rows are not in the output",
        Fate.Untied => "extrapolated against base's embedding, which base uses as its head",
        Fate.TiedInAligned => "stored as aligned does, as copies of the merged embedding or bias that they are tied to",
        Fate.TiedInBase => "not in the output, for in base they are copies of what they are tied to, and aligned stores that alone",
        _ => throw new ArgumentOutOfRangeException(nameof(fate), fate, null),
    };

    private static string Sentence(string what, List<string> tensors)
    {
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{tensors.Count} tensor{(tensors.Count == 1 ? "" : "s")} {what}: {Printable.Some(tensors, MaxShown)}");
    }
}
