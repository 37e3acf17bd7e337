namespace ExpoCluster.Core.Recipes.Spelling;

/// <summary>Guesses which known word was meant.</summary>
internal static class Suggestion
{
    private const int MaxEdits = 3;

    /// <summary>The nearest known word, if it is near at all.</summary>
    public static string? For(string word, IEnumerable<string> known) => known
        .Select(candidate => (Candidate: candidate, Edits: Distance(word.ToUpperInvariant(), candidate.ToUpperInvariant())))
        .Where(pair => pair.Edits <= Math.Min(MaxEdits, pair.Candidate.Length / 2))
        .OrderBy(pair => pair.Edits)
        .Select(pair => pair.Candidate)
        .FirstOrDefault();

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
