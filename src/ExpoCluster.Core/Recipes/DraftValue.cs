using System.Collections.Immutable;
using System.Text;

namespace ExpoCluster.Core.Recipes;

/// <summary>A value as it was written.</summary>
/// <param name="Text">Not yet understood; empty for a list.</param>
/// <param name="Path">Where it stands, for errors: <c>alpha (line 4)</c> or <c>--alpha</c>.</param>
/// <param name="Problem">Why it is no value at all. It belongs to the value, so that an option in its place mends it.</param>
internal sealed record DraftValue(string Text, string Path, RecipeProblem? Problem = null)
{
    /// <summary>Of a list; default where the value is a text.</summary>
    public ImmutableArray<DraftEntry> Entries { get; init; }

    public bool IsList => !Entries.IsDefault;

    /// <summary>Whether a text can stand in paths, JSON and YAML alike.</summary>
    public static bool IsPlain(string text) =>
        !text.Any(char.IsControl) && Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)) == text;
}

/// <summary>An entry of a list as it was written.</summary>
/// <param name="Path">Where it stands.</param>
/// <param name="Text">Null for a mapping, and for what is neither.</param>
/// <param name="Fields">Of a mapping, in the order in which they were written; null for a value that is no text.</param>
internal sealed record DraftEntry(string Path, string? Text, ImmutableArray<KeyValuePair<string, string?>> Fields);
