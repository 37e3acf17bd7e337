using System.Globalization;
using System.Text.RegularExpressions;

namespace ExpoCluster.Repository;

/// <summary>The time-outs and limits that docs/operations.md tells are those of the sources.</summary>
public sealed partial class OperationsTests
{
    private static readonly Dictionary<string, decimal> Units = new()
    {
        [""] = 1, ["characters"] = 1, ["characters, at least"] = 1,
        ["ms"] = 0.001m, ["s"] = 1, ["min"] = 60, ["d"] = 86_400,
        ["MB"] = 1_000_000, ["KiB"] = 1 << 10, ["MiB"] = 1 << 20,
    };

    public static TheoryData<string, string> Limits
    {
        get
        {
            var limits = new TheoryData<string, string>();
            foreach (Match row in Row().Matches(Tree.Read("docs/operations.md")))
            {
                limits.Add(row.Groups["value"].Value, row.Groups["place"].Value);
            }

            return limits;
        }
    }

    [Theory]
    [MemberData(nameof(Limits))]
    public void A_limit_in_the_table_is_that_of_the_sources(string told, string place)
    {
        string[] names = place.Split('.');
        string source = File.ReadAllText(Tree.Sources.Single(path => Path.GetFileNameWithoutExtension(path) == names[0]));

        Assert.Equal(ValueOf(source, names[1]), ToldIn(told));
    }

    [Fact]
    public void There_are_some() => Assert.True(Limits.Count >= 50, $"{Limits.Count} rows");

    private static decimal ToldIn(string told)
    {
        Match match = Told().Match(told);
        return decimal.Parse(match.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture) * Units[match.Groups[2].Value.Trim()];
    }

    // What a constant, a property or a line of HOCON is set to: numbers, products, shifts, other constants of the file, and lengths of time.
    private static decimal ValueOf(string source, string name)
    {
        Match set = Regex.Match(source, $@"\b{Regex.Escape(name)}\b[^=\n]*=(?!>)\s*(?<text>[^;\n]+)");
        Assert.True(set.Success, $"{name} is not set there");
        string text = set.Groups["text"].Value.Trim();
        if (Time().Match(text) is { Success: true } time)
        {
            decimal unit = time.Groups["unit"].Value switch { "Milliseconds" => 0.001m, "Seconds" => 1, "Minutes" => 60, "Days" => 86_400, string other => throw new ArgumentException(other) };
            return decimal.Parse(time.Groups["count"].Value, CultureInfo.InvariantCulture) * unit;
        }

        string[] shift = text.Split("<<", StringSplitOptions.TrimEntries);
        decimal left = shift[0].Split('*', StringSplitOptions.TrimEntries).Aggregate(1m, (product, factor) => product * FactorOf(source, factor));
        return shift.Length > 1 ? left * (1L << int.Parse(shift[1], CultureInfo.InvariantCulture)) : left;
    }

    private static decimal FactorOf(string source, string factor) => char.IsDigit(factor[0])
        ? decimal.Parse(factor.Replace("_", "", StringComparison.Ordinal).TrimEnd('L', 's'), CultureInfo.InvariantCulture)
        : ValueOf(source, factor);

    [GeneratedRegex(@"^\| [^|]+ \| (?<value>\d[^|]*) \| `(?<place>\w+\.[\w-]+)` \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^([\d,]+)(.*)$")]
    private static partial Regex Told();

    [GeneratedRegex(@"^TimeSpan\.From(?<unit>\w+)\((?<count>[\d_]+)\)")]
    private static partial Regex Time();
}
