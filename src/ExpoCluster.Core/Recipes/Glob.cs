namespace ExpoCluster.Core.Recipes;

/// <summary>A pattern over names: <c>*</c> any text, <c>?</c> one character, <c>\</c> takes the next character as it is.</summary>
/// <remarks>
/// Of the stars only the last one that was met is ever tried again, so no pattern costs more than its length times the name's.
/// It decides as <see cref="System.IO.Enumeration.FileSystemName"/> does, which recipes were written for and which costs milliseconds
/// for a name where stars are many. So nothing matches an empty name, <c>\?</c> is any character, a <c>\</c> at the end is any
/// character or none, and behind a single star that begins the pattern, where nothing else is a wildcard, it is a character like others.
/// </remarks>
internal static class Glob
{
    public static bool Matches(string pattern, string name)
    {
        long steps = 0;
        return Matches(pattern, name, ref steps);
    }

    /// <param name="pattern">The glob.</param>
    /// <param name="name">The whole of it must match, letter case included.</param>
    /// <param name="steps">Grows by the characters that were compared, and by one at least.</param>
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name, ref long steps)
    {
        steps++;
        if (pattern.IsEmpty || name.IsEmpty)
        {
            return false;
        }

        if (pattern[0] == '*' && pattern[1..].IndexOfAny('*', '?') < 0)
        {
            steps += pattern.Length;
            return name.EndsWith(pattern[1..], StringComparison.Ordinal);
        }

        return EndsOpenly(pattern)
            ? MatchesWhole(pattern[..^1], name, ref steps) || MatchesWhole(pattern[..^1], name[..^1], ref steps)
            : MatchesWhole(pattern, name, ref steps);
    }

    // An odd number of backslashes: the last one has nothing to take.
    private static bool EndsOpenly(ReadOnlySpan<char> pattern) => (pattern.Length - 1 - pattern.LastIndexOfAnyExcept('\\')) % 2 == 1;

    private static bool MatchesWhole(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name, ref long steps)
    {
        int at = 0;
        int behindStar = -1;
        int retry = 0;
        for (int place = 0; place < name.Length; steps++)
        {
            if (at < pattern.Length && pattern[at] == '*')
            {
                behindStar = ++at;
                retry = place - 1;
                if (!TryAgain(pattern, name, behindStar, ref retry))
                {
                    return false;
                }

                place = retry;
            }
            else if (at < pattern.Length && MatchesOne(pattern, ref at, name[place]))
            {
                place++;
            }
            else if (behindStar >= 0 && TryAgain(pattern, name, behindStar, ref retry))
            {
                at = behindStar;
                place = retry;
            }
            else
            {
                return false;
            }
        }

        return pattern[at..].IndexOfAnyExcept('*') < 0;
    }

    // The star takes one character more, and at once all to where what is behind it could begin.
    private static bool TryAgain(ReadOnlySpan<char> pattern, ReadOnlySpan<char> name, int behindStar, ref int retry)
    {
        retry++;
        if (behindStar < pattern.Length && pattern[behindStar] is not ('*' or '?' or '\\') and var first)
        {
            int distance = name[retry..].IndexOf(first);
            retry += Math.Max(distance, 0);
            return distance >= 0;
        }

        return true;
    }

    private static bool MatchesOne(ReadOnlySpan<char> pattern, ref int at, char character)
    {
        int literal = pattern[at] == '\\' ? at + 1 : at;
        if (pattern[literal] != '?' && pattern[literal] != character)
        {
            return false;
        }

        at = literal + 1;
        return true;
    }
}
