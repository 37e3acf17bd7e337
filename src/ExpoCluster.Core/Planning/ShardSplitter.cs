using System.Collections.Immutable;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.Planning;

/// <summary>The Hub's splitter: in the order given, greedy, a new file when size + next exceeds the limit.</summary>
public static class ShardSplitter
{
    /// <summary>Natural order of tensor names: numbers by value, embeddings first, final norm and head last.</summary>
    public static IComparer<string> NaturalOrder { get; } = new TensorNameOrder();

    /// <summary>Groups positions into files; a tensor larger than <paramref name="maxBytes"/> gets a file of its own.</summary>
    /// <remarks>As on the Hub, that file does not end the one that is being filled.</remarks>
    public static ImmutableArray<ImmutableArray<int>> Split(IReadOnlyList<long> byteCounts, long maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxBytes);
        var files = ImmutableArray.CreateBuilder<ImmutableArray<int>>();
        var current = ImmutableArray.CreateBuilder<int>();
        long currentBytes = 0;
        for (int position = 0; position < byteCounts.Count; position++)
        {
            long bytes = byteCounts[position];
            if (bytes > maxBytes)
            {
                files.Add([position]);
                continue;
            }

            if (currentBytes + bytes > maxBytes)
            {
                files.Add(current.DrainToImmutable());
                currentBytes = 0;
            }

            current.Add(position);
            currentBytes += bytes;
        }

        if (current.Count > 0)
        {
            files.Add(current.DrainToImmutable());
        }

        return files.DrainToImmutable();
    }

    /// <summary>The file name that loaders expect; <paramref name="index"/> counts from 0, the name from 1.</summary>
    public static string FileName(int index, int count) => OutputNames.FileName(OutputNames.DefaultStem, index, count);

    /// <summary>Stands in for the order of a state dict where that is not known.</summary>
    private sealed class TensorNameOrder : IComparer<string>
    {
        private enum Place
        {
            Embedding,
            Middle,
            FinalNorm,
            Head,
        }

        public int Compare(string? x, string? y)
        {
            if (x is null || y is null)
            {
                return string.CompareOrdinal(x, y);
            }

            int byPlace = PlaceOf(x).CompareTo(PlaceOf(y));
            return byPlace != 0 ? byPlace : CompareNaturally(x, y);
        }

        // Only what stands outside the numbered layers is moved to an end.
        private static Place PlaceOf(string name)
        {
            string[] segments = name.Split('.');
            if (segments.Any(TensorNames.IsNumber))
            {
                return Place.Middle;
            }

            return segments[Math.Max(0, segments.Length - 2)] switch
            {
                "embed_tokens" or "tok_embeddings" or "word_embeddings" or "embed_in" or "wte" or "wpe" => Place.Embedding,
                "norm" or "final_layernorm" or "final_layer_norm" or "ln_f" => Place.FinalNorm,
                "lm_head" or "output" or "embed_out" => Place.Head,
                _ => Place.Middle,
            };
        }

        private static int CompareNaturally(string x, string y)
        {
            int i = 0;
            int j = 0;
            while (i < x.Length && j < y.Length)
            {
                int difference = char.IsAsciiDigit(x[i]) && char.IsAsciiDigit(y[j])
                    ? CompareNumbers(TakeNumber(x, ref i), TakeNumber(y, ref j))
                    : x[i++].CompareTo(y[j++]);
                if (difference != 0)
                {
                    return difference;
                }
            }

            int byRest = (x.Length - i).CompareTo(y.Length - j);
            return byRest != 0 ? byRest : string.CompareOrdinal(x, y);
        }

        private static ReadOnlySpan<char> TakeNumber(string text, ref int position)
        {
            int start = position;
            while (position < text.Length && char.IsAsciiDigit(text[position]))
            {
                position++;
            }

            return text.AsSpan(start, position - start).TrimStart('0');
        }

        private static int CompareNumbers(ReadOnlySpan<char> x, ReadOnlySpan<char> y) =>
            x.Length != y.Length ? x.Length.CompareTo(y.Length) : x.SequenceCompareTo(y);
    }
}
