using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>How an index and the files that it names agree. Where loaders find their way, the tensor counts where it is, and it is said.</summary>
internal static partial class IndexAgreement
{
    private const int MaxShown = 5;

    /// <summary>Looks for every file that the index names.</summary>
    /// <exception cref="CheckpointException">Some are not there; all of them are named.</exception>
    public static void RequireFiles(WeightMap map, CheckpointFolder folder, string index)
    {
        string[] missing = [.. map.FileNames.Where(name => !folder.Has(name))];
        if (missing.Length > 0)
        {
            throw CheckpointErrors.WeightsFilesMissing(folder.PathOf(missing[0]), index, missing, map.FileNames.Length);
        }
    }

    /// <summary>What the two say differently, one sentence each.</summary>
    /// <param name="map">What the index says.</param>
    /// <param name="index">Its name.</param>
    /// <param name="shards">The files.</param>
    /// <param name="tensors">Of all files.</param>
    public static IEnumerable<string> Notes(
        WeightMap map, string index, ImmutableArray<CheckpointShard> shards, IReadOnlyDictionary<string, CheckpointTensor> tensors)
    {
        string name = Printable.Of(index);
        string[] gone = [.. map.FileOfTensor.Keys.Where(tensor => !tensors.ContainsKey(tensor)).Order(StringComparer.Ordinal)];
        if (gone.Length > 0)
        {
            yield return $"{name} names {Count(gone)} that no file holds: {Printable.Some(gone, MaxShown)}.";
        }

        string[] elsewhere =
        [
            .. map.FileOfTensor
                .Where(entry => tensors.TryGetValue(entry.Key, out CheckpointTensor? tensor) && shards[tensor.Shard].Name != entry.Value)
                .Select(entry => entry.Key).Order(StringComparer.Ordinal),
        ];
        if (elsewhere.Length > 0)
        {
            yield return $"{name} names the wrong file for {Count(elsewhere)}, found in another one: {Printable.Some(elsewhere, MaxShown)}.";
        }

        string[] unnamed = [.. tensors.Keys.Where(tensor => !map.FileOfTensor.ContainsKey(tensor)).Order(StringComparer.Ordinal)];
        if (unnamed.Length > 0)
        {
            yield return $"The files hold {Count(unnamed)} that {name} does not name, and that loaders read too: {Printable.Some(unnamed, MaxShown)}.";
        }

        if (NumberedOf(shards) is { } stated && stated != shards.Length)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"The files are numbered as if they were {stated}, but {name} names {shards.Length}.");
        }

        long actual = tensors.Values.Sum(tensor => tensor.ByteCount);
        if (map.TotalBytes is { } total && total != actual)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"The index states a total_size of {total} bytes, but its tensors have {actual}; loaders ignore it.");
        }
    }

    // Null where they have no numbers, or several.
    private static int? NumberedOf(ImmutableArray<CheckpointShard> shards)
    {
        int[] stated = [.. shards.Select(shard => Numbered().Match(shard.Name)).Where(match => match.Success).Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).Distinct()];
        return stated.Length == 1 ? stated[0] : null;
    }

    private static string Count(string[] tensors) => string.Create(CultureInfo.InvariantCulture, $"{tensors.Length} tensor{(tensors.Length == 1 ? "" : "s")}");

    [GeneratedRegex(@"-\d{5}-of-(\d{5})\.")]
    private static partial Regex Numbered();
}
