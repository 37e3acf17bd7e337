using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Publishing;

/// <summary>What holds of every record that a merge has written, whatever its version. What breaks it was made to deceive, or is damaged.</summary>
internal static class ProvenanceRules
{
    /// <summary>Weights lie in the directory itself.</summary>
    private const int LevelsOfWeights = 1;

    /// <summary>Chat templates lie in a directory of their own, modules of sentence-transformers in folders that may have others.</summary>
    private const int LevelsOfSideFiles = 4;

    /// <summary>Why it is no such record; null where it is one.</summary>
    public static string? Broken(Provenance record) =>
        BrokenFiles(record.Files) ?? BrokenNames(record.Published) ?? BrokenInputs(record.Inputs) ?? BrokenStatistics(record.Statistics);

    private static string? BrokenFiles(ImmutableArray<ProvenanceFile> files)
    {
        if (files.IsDefaultOrEmpty)
        {
            return "it names no weights file";
        }

        // The serializer looks at neither the elements of a list nor at what is left out.
        if (files.Any(file => file is not { Name: not null, Digest: not null, BlockDigests: not null, Bytes: >= 0 }))
        {
            return "a weights file lacks its name, its length or its digests";
        }

        if (files.Sum(file => (decimal)file.Bytes) > long.MaxValue)
        {
            return "its weights files have more bytes than there can be";
        }

        return BrokenNames([.. files.Select(file => file.Name)], LevelsOfWeights);
    }

    private static string? BrokenNames(ImmutableArray<string> published) => published.IsDefault || published.Contains(null!)
        ? "it does not say what was published"
        : BrokenNames(published, LevelsOfSideFiles);

    private static string? BrokenNames(ImmutableArray<string> names, int levels)
    {
        string[] outside = [.. names.Where(name => !IsInside(name, levels))];
        if (outside.Length > 0)
        {
            return $"{Count(outside.Length, "name leads", "names lead")} out of its directory ({Printable.Some(outside, 3)})";
        }

        string[] twice = [.. names.GroupBy(name => name, StringComparer.Ordinal).Where(same => same.Skip(1).Any()).Select(same => same.Key)];
        return twice.Length > 0 ? $"{Count(twice.Length, "file is", "files are")} named several times ({Printable.Some(twice, 3)})" : null;
    }

    private static string? BrokenInputs(ImmutableArray<ProvenanceInput> inputs) =>
        inputs.IsDefault || inputs.Contains(null!) ? "it does not say what was merged" : null;

    private static string? BrokenStatistics(ProvenanceStatistics? statistics) => statistics switch
    {
        null => null,
        { Total: null } or { Tensors.IsDefault: true } => "its statistics have no sums",
        _ when statistics.Tensors.Any(tensor => tensor is not { Name: not null, Sums: not null }) => "the statistics of a tensor lack its name or its sums",
        _ => null,
    };

    private static bool IsInside(string name, int levels)
    {
        string[] parts = name.Split('/');
        return parts.Length <= levels
            && !parts.Any(part => part is "" or "." or "..")
            && !name.Contains('\0', StringComparison.Ordinal)
            && (!OperatingSystem.IsWindows() || name.AsSpan().IndexOfAny("\\:") < 0);
    }

    private static string Count(int count, string one, string several) =>
        string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? one : several)}");
}
