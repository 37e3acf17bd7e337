namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Words of tensor names.</summary>
internal static class TensorNames
{
    /// <summary>What stands before the last point; empty where there is none.</summary>
    public static string OwnerOf(string name) => name.LastIndexOf('.') is > 0 and var point ? name[..point] : "";

    /// <summary>What stands behind the last point.</summary>
    public static string LeafOf(string name) => name[(name.LastIndexOf('.') + 1)..];

    /// <summary>Another tensor of the same module.</summary>
    public static string Beside(string owner, string leaf) => owner.Length == 0 ? leaf : owner + "." + leaf;

    /// <summary>The name with a star for each number between its dots, which tensors of several layers have in common: <c>model.layers.*.mlp.up_proj.weight</c>.</summary>
    public static string PatternOf(string name) => name.AsSpan().IndexOfAnyInRange('0', '9') < 0
        ? name
        : string.Join('.', name.Split('.').Select(segment => IsNumber(segment) ? "*" : segment));

    /// <summary>The patterns of some names, the most frequent first, each with its count where it stands for several.</summary>
    public static IEnumerable<(string Pattern, int Count)> PatternsOf(IEnumerable<string> names) => names
        .GroupBy(PatternOf, StringComparer.Ordinal)
        .Select(group => (group.Key, Count: group.Count()))
        .OrderByDescending(row => row.Count)
        .ThenBy(row => row.Key, StringComparer.Ordinal);

    /// <summary>The segment of a name is the number of a layer, an expert or the like.</summary>
    public static bool IsNumber(string segment) => segment.Length > 0 && segment.All(char.IsAsciiDigit);
}
