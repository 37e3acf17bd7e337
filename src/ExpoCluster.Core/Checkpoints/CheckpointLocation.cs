using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Where a reference leads: the file by which the weights are found, chosen as loaders choose it.</summary>
/// <param name="EntryPoint">An index or a weights file; absolute, its links not yet resolved.</param>
/// <param name="IsIndexed">Whether <paramref name="EntryPoint"/> is an index.</param>
/// <param name="Directory">The absolute model directory; null for a bare weights file.</param>
/// <param name="Notes">What was passed over on the way.</param>
internal sealed partial record CheckpointLocation(
    string EntryPoint, bool IsIndexed, string? Directory, ImmutableArray<string> Notes)
{
    internal const string SingleFileName = "model.safetensors";
    internal const string IndexFileName = "model.safetensors.index.json";

    public static CheckpointLocation Find(string reference)
    {
        if (reference.StartsWith("hf:", StringComparison.Ordinal))
        {
            throw CheckpointErrors.RemoteReference(reference);
        }

        if (string.IsNullOrWhiteSpace(reference) || reference.Contains('\0'))
        {
            throw CheckpointErrors.NotFound(reference);
        }

        string path = Path.GetFullPath(reference);
        return System.IO.Directory.Exists(path) ? InDirectory(path)
            : File.Exists(path) ? OfFile(path)
            : throw CheckpointErrors.NotFound(path);
    }

    private static CheckpointLocation OfFile(string path) => Path.GetExtension(path) switch
    {
        ".bin" or ".pt" or ".pth" => throw CheckpointErrors.TorchWeights(path, Path.GetFileName(path)),
        ".json" => throw CheckpointErrors.NotWeights(path),
        _ => new CheckpointLocation(path, IsIndexed: false, Directory: null, []),
    };

    private static CheckpointLocation InDirectory(string directory)
    {
        ImmutableSortedSet<string> names = VisibleNames(directory);
        bool hasIndex = names.Contains(IndexFileName);
        if (names.Contains(SingleFileName))
        {
            return Single(directory, SingleFileName, hasIndex ? [IndexIgnored] : []);
        }

        return hasIndex
            ? new CheckpointLocation(Path.Combine(directory, IndexFileName), IsIndexed: true, directory, [])
            : Single(directory, OnlyWeightsFile(directory, names), []);
    }

    private static string IndexIgnored =>
        $"{IndexFileName} is ignored, for loaders prefer {SingleFileName}, which is there too.";

    private static CheckpointLocation Single(string directory, string name, ImmutableArray<string> notes) =>
        new(Path.Combine(directory, name), IsIndexed: false, directory, notes);

    private static string OnlyWeightsFile(string directory, ImmutableSortedSet<string> names)
    {
        ImmutableArray<string> weights = [.. names.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal))];
        return weights.Length switch
        {
            // One of several by its name: the others, or the index, have not come yet (or have gone).
            1 when !ShardName().IsMatch(weights[0]) => weights[0],
            0 => throw WithoutSafetensors(directory, names),
            _ => throw CheckpointErrors.SeveralWithoutIndex(directory, weights),
        };
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex ShardName();

    private static CheckpointException WithoutSafetensors(string directory, ImmutableSortedSet<string> names)
    {
        string? torch = names.FirstOrDefault(name =>
            name.StartsWith("pytorch_model", StringComparison.Ordinal) && name.EndsWith(".bin", StringComparison.Ordinal));
        return torch is null ? CheckpointErrors.NoWeights(directory) : CheckpointErrors.TorchWeights(directory, torch);
    }

    // Hidden files are left out: macOS leaves "._model.safetensors" behind on foreign disks.
    private static ImmutableSortedSet<string> VisibleNames(string directory)
    {
        try
        {
            return System.IO.Directory.EnumerateFileSystemEntries(directory)
                .Select(path => Path.GetFileName(path))
                .Where(name => !name.StartsWith('.'))
                .ToImmutableSortedSet(StringComparer.Ordinal);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw CheckpointErrors.Unreadable(directory, exception);
        }
    }
}
