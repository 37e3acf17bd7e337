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
        NotCompared,
    }

    public IEnumerable<string> Sentences => byFate.Select(pair => Sentence(Words(pair.Key, pair.Value.Count == 1), pair.Value));

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

    private static string Words(Fate fate, bool isOne) => fate switch
    {
        Fate.DroppedBuffer => $"left out, for {(isOne ? "it is" : "they are")} derived from the configuration",
        Fate.LeftOutBuffer => isOne ? "left out, because it is a buffer and no weight" : "left out, because they are buffers and not weights",
        Fate.TakenBuffer => isOne ? "taken from aligned as it is, because it is a buffer and no weight" : "taken from aligned as they are, because they are buffers and not weights",
        Fate.TakenFromAligned => $"taken from aligned as {(isOne ? "it is" : "they are")}",
        Fate.Dropped => "left out, for base and aligned do not match",
        Fate.OnlyInBase => $"not in the output, for only base has {(isOne ? "it" : "them")}",
        Fate.RowsCopied => "extrapolated in the rows that base has too, and copied from aligned in the others",
        Fate.RowsLeftOut => "extrapolated in the rows that aligned has; base's further rows are not in the output",
        Fate.Untied => "extrapolated against base's embedding, which base uses as its head",
        Fate.TiedInAligned => isOne
            ? "stored as aligned does, as a copy of the merged embedding or bias that it is tied to"
            : "stored as aligned does, as copies of the merged embedding or bias that they are tied to",
        Fate.TiedInBase => isOne
            ? "not in the output, for in base it is a copy of what it is tied to, and aligned stores that alone"
            : "not in the output, for in base they are copies of what they are tied to, and aligned stores that alone",
        Fate.NotCompared => $"taken for equal in both and not compared yet, for {(isOne ? "it is a view" : "they are views")} of a file that is still at the Hub; that is done when the file is here",
        _ => throw new ArgumentOutOfRangeException(nameof(fate), fate, null),
    };

    private static string Sentence(string what, List<string> tensors) => string.Create(
        CultureInfo.InvariantCulture,
        $"{tensors.Count} tensor{(tensors.Count == 1 ? "" : "s")} {what}: {Printable.Some(tensors, MaxShown)}");
}
