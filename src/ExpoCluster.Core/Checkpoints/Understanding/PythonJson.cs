namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>JSON as Python's json module writes it: with numbers that JSON does not have, NaN and the infinities.</summary>
internal static class PythonJson
{
    // Texts of the same length, so that every other byte is where it was.
    private static readonly (byte[] Number, byte[] Text)[] Numbers =
    [
        ("Infinity"u8.ToArray(), "\"Infini\""u8.ToArray()),
        ("NaN"u8.ToArray(), "\"N\""u8.ToArray()),
    ];

    private static readonly byte[] Negative = "-Infinity"u8.ToArray();

    private static readonly byte[] NegativeText = "\"-Infini\""u8.ToArray();

    /// <summary>The text with texts of the same length in place of such numbers; the same bytes where there are none.</summary>
    public static byte[] InStrictForm(ReadOnlySpan<byte> json)
    {
        byte[] strict = json.ToArray();
        for (int at = 0; at < strict.Length; at++)
        {
            if (strict[at] == (byte)'"')
            {
                at = EndOfText(strict, at);
                continue;
            }

            if (Replace(strict.AsSpan(at), Negative, NegativeText) is var negative and > 0)
            {
                at += negative - 1;
                continue;
            }

            foreach ((byte[] number, byte[] text) in Numbers)
            {
                if (Replace(strict.AsSpan(at), number, text) is var replaced and > 0)
                {
                    at += replaced - 1;
                    break;
                }
            }
        }

        return strict;
    }

    private static int Replace(Span<byte> place, byte[] number, byte[] text)
    {
        if (!place.StartsWith(number))
        {
            return 0;
        }

        text.CopyTo(place);
        return text.Length;
    }

    // The place of the closing quote; the last byte where there is none.
    private static int EndOfText(byte[] json, int quote)
    {
        for (int at = quote + 1; at < json.Length; at++)
        {
            if (json[at] == (byte)'\\')
            {
                at++;
            }
            else if (json[at] == (byte)'"')
            {
                return at;
            }
        }

        return json.Length;
    }
}
