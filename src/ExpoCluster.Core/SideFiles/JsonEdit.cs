using System.Text;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Bytes of a text that are replaced.</summary>
/// <param name="Begin">The first of them.</param>
/// <param name="End">The one behind the last; equal to <paramref name="Begin"/> where something is put in.</param>
/// <param name="Replacement">What stands there then.</param>
internal sealed record JsonEdit(int Begin, int End, string Replacement)
{
    /// <summary>The text with all edits, which must not overlap.</summary>
    public static byte[] Apply(ReadOnlySpan<byte> text, IEnumerable<JsonEdit> edits)
    {
        var output = new List<byte>(text.Length + 64);
        int copied = 0;
        foreach (JsonEdit edit in edits.OrderBy(edit => edit.Begin).ThenBy(edit => edit.End))
        {
            output.AddRange(text[copied..edit.Begin]);
            output.AddRange(Encoding.UTF8.GetBytes(edit.Replacement));
            copied = edit.End;
        }

        output.AddRange(text[copied..]);
        return [.. output];
    }
}
