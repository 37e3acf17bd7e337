using System.Collections.Immutable;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Storage;

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
    internal const string ConsolidatedFileName = "consolidated.safetensors";
    internal const string TorchFileName = "pytorch_model.bin";
    internal const string TorchIndexFileName = "pytorch_model.bin.index.json";

    private const string IndexEnding = ".index.json";

    // What loaders prefer stands first. Other *.bin files never count: training_args.bin is one, and pickles anything.
    private static readonly ImmutableArray<string> EntryPoints = [SingleFileName, IndexFileName, TorchFileName, TorchIndexFileName];

    /// <summary>How errors name the file.</summary>
    public string EntryPoint => Folder.PathOf(FileName);

    /// <summary>Every file that opening it reads is there.</summary>
    public bool IsComplete => !IsIndexed
        ? Folder.Has(FileName)
        : WeightMap.Parse(Folder.ReadIndex(FileName), EntryPoint).FileNames.All(Folder.Has);

    /// <param name="reference">As the user wrote it.</param>
    /// <param name="hub">Where models of the Hub are looked for; null for what the process's environment says.</param>
    /// <param name="roots">Below which files of a directory must lie; null for everywhere.</param>
    public static CheckpointLocation Find(string reference, HubSession? hub, StorageRoots? roots = null)
    {
        if (HubReference.Matches(reference))
        {
            HubSession session = hub ?? HubSession.Shared;
            var folder = new HubFolder(session, session.Find(HubReference.Parse(reference)));
            return Of(folder, folder.Commit.ToString());
        }

        if (string.IsNullOrWhiteSpace(reference) || reference.Contains('\0'))
        {
            throw CheckpointErrors.NotFound(reference);
        }

        if (!PathText.IsFaithful(reference))
        {
            throw CheckpointErrors.ReferenceNotUtf8(reference);
        }

        string path = Path.GetFullPath(reference);
        return Directory.Exists(path) ? Of(new LocalFolder(path, holdsModel: true, roots), path)
            : File.Exists(path) ? OfFile(path, roots)
            : throw CheckpointErrors.NotFound(path);
    }

    private static CheckpointLocation OfFile(string path, StorageRoots? roots) => Path.GetExtension(path) switch
    {
        ".json" => throw CheckpointErrors.NotWeights(path),
        _ when ForeignFormat.OfFile(Path.GetFileName(path)) is { } foreign => throw CheckpointErrors.ForeignFormat(path, foreign),
        _ => new CheckpointLocation(
            new LocalFolder(Path.GetDirectoryName(path)!, holdsModel: false, roots), Path.GetFileName(path), IsIndexed: false, []),
    };

    /// <summary>Chooses among the files of a model.</summary>
    public static CheckpointLocation Of(CheckpointFolder folder, string name)
    {
        ImmutableSortedSet<string> names = folder.FileNames;
        if (EntryPoints.FirstOrDefault(names.Contains) is not { } entryPoint)
        {
            return new CheckpointLocation(folder, OnlyWeightsFile(folder, name, names), IsIndexed: false, []);
        }

        string index = entryPoint + IndexEnding;
        return new CheckpointLocation(
            folder,
            entryPoint,
            IsIndexed: entryPoint.EndsWith(IndexEnding, StringComparison.Ordinal),
            names.Contains(index) ? [Ignored(index, entryPoint)] : []);
    }

    private static string Ignored(string index, string fileName) =>
        $"{index} is ignored, for loaders prefer {fileName}, which is there too.";

    private static string OnlyWeightsFile(CheckpointFolder folder, string directory, ImmutableSortedSet<string> names)
    {
        ImmutableArray<string> weights = [.. names.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal))];
        return weights.Length switch
        {
            // One of several by its name: the others, or the index, have not come yet (or have gone).
            1 when !ShardName().IsMatch(weights[0]) => weights[0],
            0 => throw WithoutSafetensors(folder, directory, names),
            _ => throw CheckpointErrors.SeveralWithoutIndex(directory, weights, IndexFileName),
        };
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}\.safetensors$")]
    private static partial Regex ShardName();

    [GeneratedRegex(@"^pytorch_model-\d{5}-of-\d{5}\.bin$")]
    private static partial Regex TorchShardName();

    private static CheckpointException WithoutSafetensors(CheckpointFolder folder, string directory, ImmutableSortedSet<string> names)
    {
        ImmutableArray<string> torch = [.. names.Where(name => TorchShardName().IsMatch(name))];
        return !torch.IsEmpty ? CheckpointErrors.SeveralWithoutIndex(directory, torch, TorchIndexFileName)
            : ForeignFormat.In(folder) is { } foreign ? CheckpointErrors.ForeignFormat(directory, foreign)
            : CheckpointErrors.NoWeights(directory);
    }
}
