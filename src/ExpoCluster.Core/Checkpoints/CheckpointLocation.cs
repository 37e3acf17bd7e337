using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>Where a reference leads: the file by which the weights are found, chosen as loaders choose it.</summary>
/// <param name="Folder">Where the files are.</param>
/// <param name="FileName">An index or a weights file in it.</param>
/// <param name="IsIndexed">Whether <paramref name="FileName"/> is an index.</param>
/// <param name="Notes">What was passed over on the way.</param>
internal sealed partial record CheckpointLocation(
    CheckpointFolder Folder, string FileName, bool IsIndexed, ImmutableArray<string> Notes)
{
    internal const string SingleFileName = "model.safetensors";
    internal const string IndexFileName = "model.safetensors.index.json";

    /// <summary>How errors name the file.</summary>
    public string EntryPoint => Folder.PathOf(FileName);

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
        return Directory.Exists(path) ? InFolder(new LocalFolder(path, holdsModel: true), path)
            : File.Exists(path) ? OfFile(path)
            : throw CheckpointErrors.NotFound(path);
    }

    private static CheckpointLocation OfFile(string path) => Path.GetExtension(path) switch
    {
        ".bin" or ".pt" or ".pth" => throw CheckpointErrors.TorchWeights(path, Path.GetFileName(path)),
        ".json" => throw CheckpointErrors.NotWeights(path),
        _ => new CheckpointLocation(
            new LocalFolder(Path.GetDirectoryName(path)!, holdsModel: false), Path.GetFileName(path), IsIndexed: false, []),
    };

    private static CheckpointLocation InFolder(CheckpointFolder folder, string name)
    {
        ImmutableSortedSet<string> names = folder.FileNames;
        bool hasIndex = names.Contains(IndexFileName);
        if (names.Contains(SingleFileName))
        {
            return new CheckpointLocation(folder, SingleFileName, IsIndexed: false, hasIndex ? [IndexIgnored] : []);
        }

        return hasIndex
            ? new CheckpointLocation(folder, IndexFileName, IsIndexed: true, [])
            : new CheckpointLocation(folder, OnlyWeightsFile(name, names), IsIndexed: false, []);
    }

    private static string IndexIgnored =>
        $"{IndexFileName} is ignored, for loaders prefer {SingleFileName}, which is there too.";

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
}
