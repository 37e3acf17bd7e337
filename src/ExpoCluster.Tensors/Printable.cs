using System.Buffers;
using System.Globalization;
using System.Text;

namespace ExpoCluster.Tensors;

/// <summary>Text from elsewhere, made fit to be shown: it cannot drive a terminal, break or forge a line, hide, or fill the screen.</summary>
/// <remarks>
/// Everything that is not seen, or that changes how its neighbours are seen, is written as JSON writes it (<c>\u001b</c>). So a line of
/// JSON stays the same JSON when it is escaped once more, and a name can be copied out of an error into a search.
/// </remarks>
public static class Printable
{
    /// <summary>The longest name, in characters, that is shown whole.</summary>
    public const int LongestName = 200;

    /// <summary>The longest line that is meant for people.</summary>
    public const int LongestLine = 8000;

    /// <summary>A name of a tensor, a file, a key, a person: one line, shortened.</summary>
    public static string Of(string? name) => Line(Shortened(name ?? "", LongestName));

    /// <summary>One line, whatever it holds: its own line breaks are escaped too.</summary>
    public static string Line(string? text) => Escaped(text ?? "", keepsLineBreaks: false);

    /// <summary>Text of our own that has lines: what breaks them stays.</summary>
    public static string Lines(string? text) => Escaped(text ?? "", keepsLineBreaks: true);

    /// <summary>Names that are counted where they are many: the first ones, and how many more there are.</summary>
    /// <param name="names">All of them.</param>
    /// <param name="most">So many are named.</param>
    public static string Some(IReadOnlyCollection<string> names, int most)
    {
        string named = string.Join(", ", names.Take(most).Select(Of));
        return names.Count <= most ? named : string.Create(CultureInfo.InvariantCulture, $"{named} and {names.Count - most} more");
    }

    /// <summary>The same, each name in quotation marks.</summary>
    /// <param name="names">All of them.</param>
    /// <param name="most">So many are named.</param>
    public static string SomeQuoted(IReadOnlyCollection<string> names, int most)
    {
        string named = string.Join(", ", names.Take(most).Select(name => $"'{Of(name)}'"));
        return names.Count <= most ? named : string.Create(CultureInfo.InvariantCulture, $"{named} and {names.Count - most} more");
    }

    /// <summary>The beginning of a text that is longer than somebody would read, with the number of characters left out.</summary>
    public static string Shortened(string text, int most)
    {
        if (text.Length <= most)
        {
            return text;
        }

        int kept = char.IsHighSurrogate(text[most - 1]) ? most - 1 : most;
        return string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, kept)}… ({text.Length - kept} characters more)");
    }

    private static string Escaped(string text, bool keepsLineBreaks)
    {
        // All of ASCII that is seen: a text of nothing else, as nearly every name is, is not looked at one by one.
        int first = text.AsSpan().IndexOfAnyExceptInRange(' ', '~');
        if (first < 0)
        {
            return text;
        }

        var shown = new StringBuilder(text, 0, first, text.Length + 16);
        ReadOnlySpan<char> rest = text.AsSpan(first);
        while (!rest.IsEmpty)
        {
            OperationStatus status = Rune.DecodeFromUtf16(rest, out Rune rune, out int length);
            if (status == OperationStatus.Done && (IsSeen(rune) || (keepsLineBreaks && IsLineBreak(rest))))
            {
                shown.Append(rest[..length]);
            }
            else
            {
                AppendEscaped(shown, rest[..length]);
            }

            rest = rest[length..];
        }

        return shown.ToString();
    }

    private static bool IsLineBreak(ReadOnlySpan<char> text) => text[0] is '\n' or '\t' || text.StartsWith("\r\n");

    private static bool IsSeen(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        // Control: the terminal's commands. Format: zero width, the direction of what follows, tags. The separators break lines.
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => false,
        // Nobody knows what a terminal makes of these.
        UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate => false,
        _ => !IsInvisible(rune.Value),
    };

    // Letters and marks by their category, but drawn as nothing: joiner of graphemes, fillers, selectors of variants.
    private static bool IsInvisible(int code) => code is
        0x034F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or (>= 0x180B and <= 0x180F) or 0x3164 or 0xFFA0
        or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0000 and <= 0xE0FFF);

    private static void AppendEscaped(StringBuilder shown, ReadOnlySpan<char> units)
    {
        foreach (char unit in units)
        {
            _ = unit switch
            {
                '\n' => shown.Append("\\n"),
                '\r' => shown.Append("\\r"),
                '\t' => shown.Append("\\t"),
                _ => shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}"),
            };
        }
    }
}
