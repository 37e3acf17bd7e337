using System.Globalization;

namespace ExpoCluster.Core.Recipes;

/// <summary>Sizes as people write them: <c>5GB</c> is 5·10⁹ bytes, <c>1GiB</c> is 2³⁰.</summary>
public static class ByteSize
{
    private static readonly Dictionary<string, long> BytesOfUnit = new(StringComparer.OrdinalIgnoreCase)
    {
        [""] = 1,
        ["B"] = 1,
        ["KB"] = 1_000,
        ["MB"] = 1_000_000,
        ["GB"] = 1_000_000_000,
        ["TB"] = 1_000_000_000_000,
        ["KiB"] = 1L << 10,
        ["MiB"] = 1L << 20,
        ["GiB"] = 1L << 30,
        ["TiB"] = 1L << 40,
    };

    private static readonly string[] DecimalUnits = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>Reads a number and an optional unit; what is less than a byte is cut off.</summary>
    public static bool TryParse(string? text, out long bytes)
    {
        bytes = 0;
        string trimmed = (text ?? "").Trim();
        string number = new([.. trimmed.TakeWhile(character => char.IsAsciiDigit(character) || character == '.')]);
        string unit = trimmed[number.Length..].TrimStart();
        if (!BytesOfUnit.TryGetValue(unit, out long bytesOfUnit)
            || !decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal count)
            || count > long.MaxValue / bytesOfUnit)
        {
            return false;
        }

        bytes = (long)(count * bytesOfUnit);
        return true;
    }

    /// <summary>For people: three significant digits in decimal units, for example <c>14.5 GB</c>.</summary>
    public static string Format(long bytes)
    {
        if (Math.Abs((decimal)bytes) < 1000)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{bytes} B");
        }

        decimal value = bytes;
        int unit = 0;
        // 999.5 is the first value that three digits would show as 1000.
        while (Math.Abs(value) >= 999.5m)
        {
            value /= 1000;
            unit++;
        }

        string format = Math.Abs(value) switch
        {
            < 9.995m => "0.00",
            < 99.95m => "0.0",
            _ => "0",
        };
        return value.ToString(format, CultureInfo.InvariantCulture) + " " + DecimalUnits[unit];
    }
}
