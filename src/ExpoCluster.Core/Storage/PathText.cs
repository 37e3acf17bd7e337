using ExpoCluster.Core.Recipes;

namespace ExpoCluster.Core.Storage;

/// <summary>Whether the text of a path is the path that somebody gave.</summary>
/// <remarks>
/// Names are bytes. Those that are no UTF-8 reach us with U+FFFD in their place, and we would read or write under another name.
/// </remarks>
public static class PathText
{
    private const string NotUtf8 = "EXPO2097";

    private const char Replacement = '\uFFFD';

    /// <summary>Why a path cannot be used.</summary>
    public static UsageException Unfaithful(string path) => new(new RecipeProblem(
        NotUtf8, path, "the path is no UTF-8, so another one than was given would be used.", "give a path whose names are UTF-8."));

    /// <summary>False where bytes were lost on the way, or would be on the way out: U+FFFD, or half a surrogate pair.</summary>
    public static bool IsFaithful(string path)
    {
        for (int at = 0; at < path.Length; at++)
        {
            if (char.IsHighSurrogate(path[at]) && at + 1 < path.Length && char.IsLowSurrogate(path[at + 1]))
            {
                at++;
            }
            else if (path[at] == Replacement || char.IsSurrogate(path[at]))
            {
                return false;
            }
        }

        return true;
    }
}
