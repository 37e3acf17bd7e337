using System.Text.RegularExpressions;

namespace ExpoCluster.Server.Tests.Telemetry;

/// <summary>What <c>/metrics</c> said, read line by line.</summary>
internal sealed partial class Scrape
{
    public Scrape(string text)
    {
        foreach (Match line in Sample().Matches(text))
        {
            string name = line.Groups["name"].Value;
            Names.Add(name);
            foreach (Match label in Label().Matches(line.Groups["labels"].Value))
            {
                Labels.Add((name, label.Groups[1].Value));
            }

            Values[name + line.Groups["labels"].Value] = double.Parse(line.Groups["value"].Value, System.Globalization.CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Of samples: those of a histogram end in _bucket, _sum and _count.</summary>
    public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

    public HashSet<(string Name, string Label)> Labels { get; } = [];

    /// <summary>By name with labels, as they were written.</summary>
    public Dictionary<string, double> Values { get; } = new(StringComparer.Ordinal);

    [GeneratedRegex(@"^(?<name>[a-zA-Z_:][\w:]*)(?<labels>\{.*\})? (?<value>\S+)", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex("""([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*""")]
    private static partial Regex Label();
}
