using System.Globalization;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning;

/// <summary>Many names of tensors told by the few patterns that they follow.</summary>
internal static class NamePattern
{
    private const int MaxShown = 5;

    /// <summary>The glob that matches all of them, as narrow as whole segments at both ends allow.</summary>
    /// <param name="names">At least one.</param>
    public static string Covering(IReadOnlyCollection<string> names)
    {
        string[] patterns = [.. names.Select(name => TensorNames.PatternOf(name.Replace('\\', '?'))).Distinct(StringComparer.Ordinal)];
        if (patterns.Length == 1)
        {
            return names.Count == 1 ? names.First().Replace('\\', '?') : patterns[0];
        }

        string[][] split = [.. patterns.Select(pattern => pattern.Split('.'))];
        int shortest = split.Min(segments => segments.Length);
        int atBegin = CountEqual(split, shortest, (segments, i) => segments[i]);
        string begin = string.Join('.', split[0][..atBegin]);
        if (atBegin == shortest)
        {
            return begin + "*";
        }

        // One segment of the shortest is left to the star.
        int atEnd = CountEqual(split, shortest - atBegin - 1, (segments, i) => segments[^(i + 1)]);
        string covering = string.Join('.', [.. split[0][..atBegin], "*", .. split[0][^atEnd..]]);
        while (covering.Contains("*.*", StringComparison.Ordinal))
        {
            covering = covering.Replace("*.*", "*", StringComparison.Ordinal);
        }

        return covering;
    }

    /// <summary>The patterns with their counts, the first ones of them; names of which there are few stand as they are.</summary>
    /// <param name="entries">Names, each with what is to be said beside it, or an empty text.</param>
    public static string Summary(IReadOnlyCollection<(string Name, string Detail)> entries)
    {
        if (entries.Count <= MaxShown)
        {
            return Printable.Some([.. entries.Select(entry => WithDetail(entry.Name, entry.Detail))], MaxShown);
        }

        string[] patterns =
        [
            .. entries.GroupBy(entry => TensorNames.PatternOf(entry.Name), StringComparer.Ordinal).OrderByDescending(group => group.Count()).Select(Counted),
        ];
        return Printable.Some(patterns, MaxShown);
    }

    private static string Counted(IGrouping<string, (string Name, string Detail)> group)
    {
        (string name, string detail) = group.First();
        int count = group.Count();
        if (count == 1)
        {
            return WithDetail(name, detail);
        }

        bool isSame = group.All(entry => entry.Detail == detail);
        string said = detail.Length == 0 ? "" : isSame ? $": {detail}" : $": {detail} and others";
        return string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(group.Key)} ({count}{said})");
    }

    private static string WithDetail(string name, string detail) =>
        detail.Length == 0 ? name : $"{Printable.Shortened(name, Printable.LongestName)} ({detail})";

    private static int CountEqual(string[][] names, int most, Func<string[], int, string> segmentOf)
    {
        int count = 0;
        while (count < most && names.All(segments => segmentOf(segments, count) == segmentOf(names[0], count)))
        {
            count++;
        }

        return count;
    }
}
