using System.Collections.Immutable;
using System.Text.RegularExpressions;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Planning;

/// <summary>Which tensor goes into which output file, under which name, at which offset.</summary>
internal static partial class OutputLayout
{
    /// <param name="maxShardBytes">Null keeps aligned's own partition into files.</param>
    /// <param name="aligned">Gives that partition, and the order in which its files follow each other.</param>
    /// <param name="tensors">Without offsets.</param>
    public static ImmutableArray<PlannedFile> Arrange(
        long? maxShardBytes, Checkpoint aligned, ImmutableArray<PlannedTensor> tensors) =>
        maxShardBytes is { } limit ? BySize(limit, aligned, tensors) : Keep(aligned, tensors);

    private static ImmutableArray<PlannedFile> Keep(Checkpoint aligned, ImmutableArray<PlannedTensor> tensors)
    {
        var groups = tensors
            .GroupBy(tensor => aligned.Tensors[tensor.Entry.Name].Shard)
            .OrderBy(group => group.Key)
            .ToList();
        string stem = OutputNames.StemOf(aligned);
        bool keepNames = groups.Count > 1
            && groups.Count == aligned.Shards.Length
            && (stem == OutputNames.DefaultStem
                ? aligned.Shards.All(shard => ShardName().IsMatch(shard.Name))
                : OutputNames.AreShardsOf(aligned.Shards.Select(shard => shard.Name), stem));
        return
        [
            .. groups.Select((group, index) => Layout(
                keepNames ? SafetensorsName(aligned.Shards[group.Key].Name) : OutputNames.FileName(stem, index, groups.Count), group)),
        ];
    }

    private static string SafetensorsName(string shard) => ShardName().Replace(shard, "model-$1$2.safetensors");

    // Safetensors files and their indices are sorted, so the order in which the model was saved is lost; natural order restores it.
    // A PyTorch file keeps it.
    private static ImmutableArray<PlannedFile> BySize(long limit, Checkpoint aligned, ImmutableArray<PlannedTensor> tensors)
    {
        ImmutableArray<PlannedTensor> ordered =
        [
            .. tensors
                .OrderBy(tensor => aligned.Tensors[tensor.Entry.Name].Shard)
                .ThenBy(tensor => aligned.Tensors[tensor.Entry.Name].Rank)
                .ThenBy(tensor => tensor.Entry.Name, ShardSplitter.NaturalOrder),
        ];
        long[] byteCounts = [.. ordered.Select(tensor => tensor.ByteCountOf(new TensorSource(0, 0, tensor.Entry.Dtype)))];
        ImmutableArray<ImmutableArray<int>> split = ShardSplitter.Split(byteCounts, limit);
        string stem = OutputNames.StemOf(aligned);
        return
        [
            .. split.Select((members, index) => Layout(
                OutputNames.FileName(stem, index, split.Length), members.Select(member => ordered[member]))),
        ];
    }

    private static PlannedFile Layout(string name, IEnumerable<PlannedTensor> members)
    {
        Dictionary<string, PlannedTensor> byName = members.ToDictionary(tensor => tensor.Entry.Name, StringComparer.Ordinal);
        ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(
            byName.Values.Select(tensor => (tensor.Entry.Name, tensor.Entry.Dtype, tensor.Entry.Shape)));
        return new PlannedFile(name, [.. entries.Select(entry => byName[entry.Name] with { Entry = entry })]);
    }

    [GeneratedRegex(@"^(?:model-(\d{5}-of-\d{5})\.safetensors|pytorch_model-(\d{5}-of-\d{5})\.bin)$")]
    private static partial Regex ShardName();
}
