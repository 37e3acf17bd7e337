using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Publishing;
using ExpoCluster.Core.SideFiles;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Verification;

/// <summary>Which files an output's record names, which its index names, and which its directory has: for weights all three must be the same.</summary>
/// <param name="paths">The output.</param>
/// <param name="record">Its record.</param>
internal sealed class RecordedFiles(OutputPaths paths, Provenance record)
{
    private const string WeightsEnding = ".safetensors";

    private readonly HashSet<string> weights = record.Files.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
    private readonly string[] present = NamesIn(paths.Root);

    private string Index => OutputNames.IndexName(weights);

    // Of one file there is none, so one that lies there is not the merge's.
    private bool NeedsIndex => weights.Count > 1 || record.Published.Contains(Index);

    /// <summary>Published and there, but nothing in the record tells what their bytes must be. The index is held against the weights.</summary>
    public ImmutableArray<string> Unproved =>
    [
        .. record.Published.Where(name => !weights.Contains(name) && name != Index && name != OutputPaths.ProvenanceName)
            .Where(name => File.Exists(paths.Published(name))),
    ];

    /// <summary>A model's files that are there, but that no merge has put there.</summary>
    public ImmutableArray<string> Unrecorded =>
    [
        .. present.Where(SideFileSelection.IsCheckpointFile).Except(record.Published, StringComparer.Ordinal)
            .Where(name => name != OutputPaths.ProvenanceName && !weights.Contains(name) && !IsLoaded(name)),
    ];

    public static bool HasWeights(string directory) => NamesIn(directory).Any(IsLoaded);

    public IEnumerable<Damage> Missing() => record.Published.Union(weights, StringComparer.Ordinal)
        .Where(name => !File.Exists(paths.Published(name)))
        .Select(name => Of(name, "the file is missing", "a file", "nothing"));

    /// <summary>Weights, or a way to weights, that a loader would take up and the record does not know.</summary>
    public IEnumerable<Damage> Strays() => present
        .Where(name => IsLoaded(name) && !weights.Contains(name) && !(NeedsIndex && name == Index))
        .Select(name => Of(name, "a loader may take this file, which the record does not name", "no such file", "a file"));

    /// <summary>Where the index does not lead to exactly the recorded weights.</summary>
    public IEnumerable<Damage> OfIndex()
    {
        if (!NeedsIndex || !present.Contains(Index))
        {
            // Without one a loader finds none of several files, whatever was published.
            return weights.Count > 1 && !record.Published.Contains(Index)
                ? [Of(Index, "the file is missing", "a file", "nothing")]
                : [];
        }

        try
        {
            var folder = new LocalFolder(paths.Root, holdsModel: true);
            WeightMap map = WeightMap.Parse(folder.ReadIndex(Index), Index);
            return Contradiction(map) is var (problem, expected, found) ? [Of(Index, problem, expected, found)] : [];
        }
        catch (CheckpointException exception)
        {
            return [Of(Index, exception.Problem, exception.Expected ?? "an index", exception.Found ?? "something else")];
        }
    }

    private (string Problem, string Expected, string Found)? Contradiction(WeightMap map)
    {
        if (!weights.SetEquals(map.FileNames))
        {
            string[] strange = [.. map.FileNames.Except(weights, StringComparer.Ordinal)];
            string[] left = [.. weights.Except(map.FileNames, StringComparer.Ordinal)];
            return (
                "the index names other weights files than the record",
                Count(weights.Count, "file"),
                $"{Count(map.FileNames.Length, "file")}{(strange.Length > 0 ? ", also " + Printable.Some(strange, 3) : "")}{(left.Length > 0 ? ", not " + Printable.Some(left, 3) : "")}");
        }

        // What is damaged in a header is told by its block.
        (string Name, string File)[] tensors;
        try
        {
            tensors = [.. weights.Where(name => File.Exists(paths.Published(name))).SelectMany(
                name => SafetensorsHeader.ReadFrom(paths.Published(name)).Tensors.Select(tensor => (tensor.Name, name)))];
        }
        catch (TensorFileException)
        {
            return null;
        }

        string[] elsewhere = [.. tensors.Where(tensor => map.FileOfTensor.GetValueOrDefault(tensor.Name) != tensor.File).Select(tensor => tensor.Name)];
        return elsewhere.Length > 0 || tensors.Length != map.FileOfTensor.Count
            ? ("the index leads to other tensors than the files have",
                Count(tensors.Length, "tensor"),
                $"{Count(map.FileOfTensor.Count, "tensor")}{(elsewhere.Length > 0 ? ", another file or none for " + Printable.Some(elsewhere, 3) : "")}")
            : null;
    }

    // Loaders look for these names, and some take whatever ends like this. Other formats they have to be told of.
    private static bool IsLoaded(string name) =>
        SideFileSelection.IsEntryPoint(name) || (name.EndsWith(WeightsEnding, StringComparison.Ordinal) && SideFileSelection.IsWeights(name));

    private static Damage Of(string name, string problem, string expected, string found) => new(name, null, null, [], problem, expected, found);

    private static string Count(int count, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} {what}{(count == 1 ? "" : "s")}");

    private static string[] NamesIn(string directory) =>
        Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)] : [];
}
