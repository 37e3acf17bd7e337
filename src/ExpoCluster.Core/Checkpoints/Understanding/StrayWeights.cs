using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>A safetensors file that no entry of an index names, or that lies beside the only file that is read.</summary>
/// <param name="FileName">Of the file.</param>
/// <param name="Shard">The file as it was opened; null where it cannot be read.</param>
/// <param name="Tensors">Names of its tensors that the checkpoint has not.</param>
/// <param name="Only">The only file that is read; null where there is an index.</param>
public sealed partial record StrayWeights(string FileName, CheckpointShard? Shard, ImmutableArray<string> Tensors, string? Only = null)
{
    // Each is opened, and at the Hub that is a question to a server that is far away.
    private const int MaxOpened = 16;

    private const int MaxNamed = 5;

    private static readonly string[] Promises = ["num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers", "n_predict"];

    /// <summary>Why loaders pass over it.</summary>
    public string Reason => Only is null ? "the index does not name it" : $"loaders read {Printable.Of(Only)} alone";

    /// <summary>What a user should know of it.</summary>
    public string Note => Shard is null
        ? $"{Printable.Of(FileName)} is not read, for {Reason}; it cannot be read as weights"
        : Tensors.IsEmpty
            ? $"{Printable.Of(FileName)} is not read, for {Reason}; all of its tensors are in other files"
            : string.Create(CultureInfo.InvariantCulture, $"{Printable.Of(FileName)} is not read, for {Reason}: {Tensors.Length} tensor{(Tensors.Length == 1 ? "" : "s")}, {Printable.Some(Tensors, MaxNamed)}");

    internal static ImmutableArray<StrayWeights> Find(
        CheckpointFolder folder, ImmutableArray<CheckpointShard> shards, IReadOnlyDictionary<string, CheckpointTensor> tensors, Func<string, CheckpointShard> open,
        Func<string, bool>? isPassedOver = null)
    {
        HashSet<string> used = new(shards.Select(shard => shard.Name), StringComparer.Ordinal);
        return
        [
            .. folder.FileNames.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal) && !used.Contains(name) && !IsOfAnotherModel(name) && isPassedOver?.Invoke(name) != true)
                .Take(MaxOpened).Select(name => Read(name, tensors, open)),
        ];
    }

    /// <summary>Those beside a file that no index cuts into pieces, as far as they hold tensors that it has not.</summary>
    internal static ImmutableArray<StrayWeights> Beside(
        CheckpointFolder folder, ImmutableArray<CheckpointShard> only, IReadOnlyDictionary<string, CheckpointTensor> tensors, Func<string, CheckpointShard> open) =>
    [
        .. Find(folder, only, tensors, open, CheckpointLocation.IsPartOrVariant).Where(stray => !stray.Tensors.IsEmpty).Select(stray => stray with { Only = only[0].Name }),
    ];

    /// <summary>Names of its tensors that the configuration promises: loaders go without them, or make them up.</summary>
    public IEnumerable<string> PromisedBy(ConfigFacts config)
    {
        if (!Promises.Any(key => config.LargestNumber(key) > 0))
        {
            return [];
        }

        long? layers = config.LargestNumber("num_hidden_layers");
        return Tensors.Where(name => Mtp().IsMatch(name) || (layers is { } count && LayerOf(name) >= count));
    }

    private static long? LayerOf(string name) => Layer().Match(name) is { Success: true } match && long.TryParse(match.Groups[1].ValueSpan, out long layer) ? layer : null;

    private static StrayWeights Read(string name, IReadOnlyDictionary<string, CheckpointTensor> tensors, Func<string, CheckpointShard> open)
    {
        try
        {
            CheckpointShard shard = open(name);
            return new StrayWeights(name, shard, [.. shard.Header.Tensors.Select(tensor => tensor.Name).Where(tensor => !tensors.ContainsKey(tensor)).Order(StringComparer.Ordinal)]);
        }
        catch (ExpoException)
        {
            // Nobody needs it: the Hub may be away, a link lead elsewhere, the file be no weights.
            return new StrayWeights(name, null, []);
        }
    }

    // The same weights in another form, or another model's, lie there on purpose.
    private static bool IsOfAnotherModel(string name) => name.StartsWith("consolidated", StringComparison.Ordinal) || name.StartsWith("adapter_", StringComparison.Ordinal) || AdapterFacts.IsFileName(name) || AdapterFacts.IsMlxFileName(name)
        || name.StartsWith("optimizer", StringComparison.Ordinal);

    [GeneratedRegex(@"(?:^|\.)(?:mtp|nextn|mtp_layers|eagle)(?:\.|_|$)", RegexOptions.CultureInvariant)]
    private static partial Regex Mtp();

    [GeneratedRegex(@"(?:^|\.)layers\.(\d{1,9})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}
