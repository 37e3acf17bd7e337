using System.Collections.Immutable;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Hub;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;

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
    private const string SafetensorsEnding = ".safetensors";
    private const int MaxShown = 5;

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
        ".json" when path.EndsWith(IndexEnding, StringComparison.Ordinal) || IsIndex(Path.GetFileName(path)) => new CheckpointLocation(
            new LocalFolder(Path.GetDirectoryName(path)!, holdsModel: true, roots), Path.GetFileName(path), IsIndexed: true, []),
        ".json" => throw CheckpointErrors.NotWeights(path),
        _ when ForeignFormat.OfFile(Path.GetFileName(path)) is { } foreign => throw CheckpointErrors.ForeignFormat(path, foreign),
        _ => new CheckpointLocation(
            new LocalFolder(Path.GetDirectoryName(path)!, holdsModel: false, roots), Path.GetFileName(path), IsIndexed: false, []),
    };

    /// <summary>Chooses among the files of a model.</summary>
    public static CheckpointLocation Of(CheckpointFolder folder, string name)
    {
        ImmutableSortedSet<string> names = folder.FileNames;
        string entryPoint = EntryPoints.FirstOrDefault(names.Contains) ?? OtherEntryPoint(folder, name, names);
        string index = entryPoint + IndexEnding;
        return new CheckpointLocation(
            folder,
            entryPoint,
            IsIndexed: IsIndex(entryPoint),
            names.Contains(index) ? [Ignored(index, entryPoint), .. NotesOnOthers(entryPoint, names)] : [.. NotesOnOthers(entryPoint, names)]);
    }

    private static string Ignored(string index, string fileName) =>
        $"{index} is ignored, for loaders prefer {fileName}, which is there too.";

    // A folder may hold another checkpoint under another name, which somebody may have meant.
    private static IEnumerable<string> NotesOnOthers(string entryPoint, ImmutableSortedSet<string> names)
    {
        string[] others =
        [
            .. names.Where(name => name != entryPoint && name != entryPoint + IndexEnding && !EntryPoints.Contains(name) && IsOtherEntryPoint(name, names)),
        ];
        if (others.Length > 0)
        {
            yield return $"The directory holds other checkpoints too: {Printable.Some(others, MaxShown)}; {Printable.Of(entryPoint)} is used, and DIR/FILE chooses another.";
        }
    }

    // An index, or a file of its own that no index cuts into pieces.
    private static bool IsOtherEntryPoint(string name, ImmutableSortedSet<string> names) =>
        IsIndex(name)
        || (name == ConsolidatedFileName && !names.Contains(name + IndexEnding));

    private static string OtherEntryPoint(CheckpointFolder folder, string directory, ImmutableSortedSet<string> names)
    {
        string[] indexes = [.. names.Where(name => IsIndex(name) && name.Contains(SafetensorsEnding, StringComparison.Ordinal))];
        string[] plain = [.. indexes.Where(name => !VariantIndex().IsMatch(name))];
        return indexes.Length == 1 ? indexes[0]
            : plain.Length == 1 ? plain[0]
            : indexes.Length > 1 ? throw CheckpointErrors.SeveralCheckpoints(directory, indexes)
            : OnlyWeightsFile(folder, directory, names);
    }

    private static string OnlyWeightsFile(CheckpointFolder folder, string directory, ImmutableSortedSet<string> names)
    {
        ImmutableArray<string> weights = [.. names.Where(name => name.EndsWith(SafetensorsEnding, StringComparison.Ordinal))];
        ImmutableArray<string> plain = [.. weights.Where(name => !VariantFile().IsMatch(name))];
        return weights.Length switch
        {
            // One of several by its name: the others, or the index, have not come yet (or have gone).
            1 when !ShardName().IsMatch(weights[0]) => weights[0],
            0 => throw WithoutSafetensors(folder, directory, names),
            // The same model in other dtypes, as diffusers keeps it.
            > 1 when plain.Length == 1 && !ShardName().IsMatch(plain[0]) && weights.All(name => name == plain[0] || VariantFile().Replace(name, SafetensorsEnding) == plain[0]) => plain[0],
            > 1 when weights.Contains(AdapterFacts.MlxFileName) && weights.All(AdapterFacts.IsMlxFileName) => AdapterFacts.MlxFileName,
            _ => throw CheckpointErrors.SeveralWithoutIndex(directory, weights, IndexFileName),
        };
    }

    /// <summary>An index, as loaders name it: with the dtype before <c>.safetensors</c>, behind it, or behind <c>.index</c>.</summary>
    public static bool IsIndex(string name) => IndexName().IsMatch(name);

    /// <summary>A part of a model, or one in another dtype: it lies beside another file on purpose.</summary>
    public static bool IsPartOrVariant(string name) => ShardName().IsMatch(name) || VariantFile().IsMatch(name);

    // model.fp16.safetensors, and its index.
    [GeneratedRegex(@"\.(fp16|bf16|fp32|f16|f32|int8|ema|non_ema|ema-only)\.safetensors$")]
    private static partial Regex VariantFile();

    [GeneratedRegex(@"\.(fp16|bf16|fp32|f16|f32|int8|ema|non_ema|ema-only)\.safetensors\.index\.json$|\.safetensors\.index\.[\w-]+\.json$|\.safetensors\.[\w-]+\.index\.json$")]
    private static partial Regex VariantIndex();

    [GeneratedRegex(@"\.(?:safetensors|bin)(?:\.index\.json|\.index\.[\w-]+\.json|\.[\w-]+\.index\.json)$")]
    private static partial Regex IndexName();

    // diffusers has been putting the dtype behind the number too.
    [GeneratedRegex(@"-\d{5}-of-\d{5}(?:\.[\w-]+)?\.safetensors$")]
    private static partial Regex ShardName();

    [GeneratedRegex(@"^pytorch_model-\d{5}-of-\d{5}\.bin$")]
    private static partial Regex TorchShardName();

    private static CheckpointException WithoutSafetensors(CheckpointFolder folder, string directory, ImmutableSortedSet<string> names)
    {
        ImmutableArray<string> torch = [.. names.Where(name => TorchShardName().IsMatch(name))];
        return !torch.IsEmpty ? CheckpointErrors.SeveralWithoutIndex(directory, torch, TorchIndexFileName)
            : ForeignFormat.In(folder) is { } foreign ? CheckpointErrors.ForeignFormat(directory, foreign)
            : NearbyWeights.In(folder).ToArray() is { Length: > 0 } near ? CheckpointErrors.NoWeights(directory, near)
            : ForeignFormat.Below(folder) is { } below ? CheckpointErrors.ForeignFormat(directory, below)
            : CheckpointErrors.NoWeights(directory, []);
    }
}
