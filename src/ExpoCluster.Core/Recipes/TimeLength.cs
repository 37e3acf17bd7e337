using System.Globalization;

namespace ExpoCluster.Core.Recipes;

/// <summary>Lengths of time as people write them: <c>30d</c>, <c>12h</c>, <c>90m</c>, <c>45s</c>.</summary>
public static class TimeLength
{
    /// <summary>A hundred years: longer ones are slips of the pen.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromDays(36_500);

    private static readonly Dictionary<char, TimeSpan> Units = new()
    {
        ['s'] = TimeSpan.FromSeconds(1), ['m'] = TimeSpan.FromMinutes(1), ['h'] = TimeSpan.FromHours(1), ['d'] = TimeSpan.FromDays(1),
    };

    /// <summary>Reads a whole number and its unit.</summary>
    public static bool TryParse(string? text, out TimeSpan length)
    {
        length = default;
        if (text is not { Length: >= 2 }
            || !Units.TryGetValue(text[^1], out TimeSpan unit)
            || !long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out long count)
            || count > Max / unit)
        {
            return false;
        }

        length = count * unit;
        return true;
    }
}
