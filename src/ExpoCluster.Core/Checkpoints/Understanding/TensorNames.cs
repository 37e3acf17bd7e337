using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Words of tensor names.</summary>
internal static partial class TensorNames
{
    /// <summary>What stands before the last point; empty where there is none.</summary>
    public static string OwnerOf(string name) => name.LastIndexOf('.') is > 0 and var point ? name[..point] : "";

    /// <summary>What stands behind the last point.</summary>
    public static string LeafOf(string name) => name[(name.LastIndexOf('.') + 1)..];

    /// <summary>Another tensor of the same module.</summary>
    public static string Beside(string owner, string leaf) => owner.Length == 0 ? leaf : owner + "." + leaf;

    /// <summary>The name with a star for each number: what tensors of several layers have in common.</summary>
    public static string PatternOf(string name) => Numbers().Replace(name, "$1*");

    /// <summary>The patterns of some names, the most frequent first, each with its count where it stands for several.</summary>
    public static IEnumerable<(string Pattern, int Count)> PatternsOf(IEnumerable<string> names) => names
        .GroupBy(PatternOf, StringComparer.Ordinal)
        .Select(group => (group.Key, Count: group.Count()))
        .OrderByDescending(row => row.Count)
        .ThenBy(row => row.Key, StringComparer.Ordinal);

    [GeneratedRegex(@"(^|\.)\d+(?=\.|$)", RegexOptions.CultureInvariant)]
    private static partial Regex Numbers();
}
