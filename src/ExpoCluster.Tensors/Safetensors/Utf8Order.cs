namespace ExpoCluster.Tensors.Safetensors;

/// <summary>Compares texts as their UTF-8 bytes, as the format's own writer does.</summary>
/// <remarks>
/// Ordinal comparison looks at UTF-16 units and so puts a surrogate pair (U+10000 and above) before U+E000 to U+FFFF;
/// in UTF-8 it comes behind.
/// </remarks>
internal sealed class Utf8Order : IComparer<string>
{
    public static readonly Utf8Order Instance = new();

    public int Compare(string? x, string? y)
    {
        int common = x.AsSpan().CommonPrefixLength(y);
        return x is null || y is null || common == x.Length || common == y.Length
            ? (x?.Length ?? -1).CompareTo(y?.Length ?? -1)
            : Rank(x[common]).CompareTo(Rank(y[common]));
    }

    private static int Rank(char unit) => char.IsSurrogate(unit) ? unit + char.MaxValue : unit;
}
