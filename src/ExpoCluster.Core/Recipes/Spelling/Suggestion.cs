namespace ExpoCluster.Core.Recipes.Spelling;

/// <summary>Guesses which known word was meant.</summary>
internal static class Suggestion
{
    private const int MaxEdits = 3;
    private const int MaxSuggestions = 3;

    /// <summary>The nearest known word, if it is near at all.</summary>
    public static string? For(string word, IEnumerable<string> known) => Near(word, known).FirstOrDefault();

    /// <summary>The known words that hold this one, or else those that are near it, nearest first: at most three.</summary>
    public static IEnumerable<string> Nearest(string word, IReadOnlyCollection<string> known)
    {
        string[] holding = [.. known.Where(candidate => word.Length > 1 && candidate.Contains(word, StringComparison.OrdinalIgnoreCase))];
        return holding.Length > 0 ? holding.Take(MaxSuggestions) : Near(word, known).Take(MaxSuggestions);
    }

    // What differs in length by more than that needs no second look, however long it is.
    private static IEnumerable<string> Near(string word, IEnumerable<string> known) => known
        .Where(candidate => Math.Abs(candidate.Length - word.Length) <= MaxEdits)
        .Select(candidate => (Candidate: candidate, Edits: Distance(word.ToUpperInvariant(), candidate.ToUpperInvariant())))
        .Where(pair => pair.Edits <= Math.Min(MaxEdits, pair.Candidate.Length / 2))
        .OrderBy(pair => pair.Edits)
        .Select(pair => pair.Candidate);

    /// <summary>Levenshtein's: insertions, deletions and substitutions.</summary>
    internal static int Distance(string one, string other)
    {
        int[] row = [.. Enumerable.Range(0, other.Length + 1)];
        for (int i = 0; i < one.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i + 1;
            for (int j = 0; j < other.Length; j++)
            {
                int replaced = diagonal + (one[i] == other[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(replaced, Math.Min(row[j], diagonal) + 1);
            }
        }

        return row[^1];
    }
}
