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

    /// <summary>So many files that are named alike are told in one sentence.</summary>
    private const int MinTogether = 3;

    private static readonly string[] Depths = ["num_hidden_layers", "num_layers", "n_layers", "n_layer"];

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
    /// <param name="config">Of the checkpoint.</param>
    /// <param name="tensors">Names of those that are read.</param>
    /// <returns>For each kind what is promised, in words for people, and the names.</returns>
    public IEnumerable<(string What, ImmutableArray<string> Tensors)> PromisedBy(ConfigFacts config, IEnumerable<string> tensors)
    {
        long? layers = LayersOf(config);
        bool predictsFurther = config.Values.Any(value => PredictsFurther().IsMatch(ConfigFacts.LastKeyOf(value.Key)) && config.Number(value.Key) > 0);
        (string What, bool IsPromised, Func<string, bool> IsOne)[] kinds =
        [
            ("layers that predict further tokens", predictsFurther, name => Mtp().IsMatch(name) || (layers is { } count && LayerOf(name) >= count && !Vision().IsMatch(name) && !Audio().IsMatch(name))),
            ("a vision model", HasConfigOf(config, VisionConfig()) && !tensors.Any(name => Vision().IsMatch(name)), name => Vision().IsMatch(name)),
            ("an audio model", HasConfigOf(config, AudioConfig()) && !tensors.Any(name => Audio().IsMatch(name)), name => Audio().IsMatch(name)),
        ];
        return kinds.Where(kind => kind.IsPromised).Select(kind => (kind.What, Tensors.Where(kind.IsOne).ToImmutableArray())).Where(kind => !kind.Item2.IsEmpty);
    }

    // Those of the language model, which further tokens are predicted behind; a vision model may have more of its own.
    private static long? LayersOf(ConfigFacts config) => Depths.SelectMany(config.Named)
        .Where(value => !OfEncoder().IsMatch(value.Key)).Select(value => config.Number(value.Key)).Max();

    private static bool HasConfigOf(ConfigFacts config, Regex key) => config.Values.Keys.Any(path => path.Split('.')[..^1].Any(part => key.IsMatch(part)));

    /// <summary>What a user should know of them, one sentence for those that are passed over for one reason and named alike.</summary>
    internal static IEnumerable<string> NotesOn(ImmutableArray<StrayWeights> strays) => strays
        .GroupBy(stray => (stray.Reason, Like: SecondPart().Replace(stray.FileName, ".*."))).SelectMany(group => group.Count() < MinTogether ? group.Select(stray => stray.Note) : [Together([.. group])]);

    private static string Together(ImmutableArray<StrayWeights> strays)
    {
        string[] tensors = [.. strays.SelectMany(stray => stray.Tensors).Distinct(StringComparer.Ordinal)];
        string held = tensors.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $": {tensors.Length} tensor{(tensors.Length == 1 ? "" : "s")}, {Printable.Some(tensors, MaxNamed)}");
        return string.Create(CultureInfo.InvariantCulture, $"{strays.Length} files are not read, for {strays[0].Reason} ({Printable.Some([.. strays.Select(stray => stray.FileName)], MaxNamed)}){held}");
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

    // num_nextn_predict_layers, num_mtp_modules, mtp_num_layers, n_predict and whatever else counts them.
    [GeneratedRegex(@"^(?:n_predict|n_future_tokens|num_\w*(?:mtp|nextn)\w*|(?:mtp|nextn)\w*_(?:num|layers|modules|depth)\w*|(?:mtp|nextn)_(?:layers|modules|depth))$", RegexOptions.CultureInvariant)]
    private static partial Regex PredictsFurther();

    [GeneratedRegex(@"(?:^|[._])(?:vision|visual|vit|image|img|audio|speech|sound|encoder)", RegexOptions.CultureInvariant)]
    private static partial Regex OfEncoder();

    [GeneratedRegex(@"^(?:vision|visual|vit|image_encoder)(?:_\w+)?_(?:config|cfg)$|^(?:vision|visual)$", RegexOptions.CultureInvariant)]
    private static partial Regex VisionConfig();

    [GeneratedRegex(@"^(?:audio|speech|sound)(?:_\w+)?_(?:config|cfg)$|^audio$", RegexOptions.CultureInvariant)]
    private static partial Regex AudioConfig();

    [GeneratedRegex(@"(?:^|\.)(?:visual|vision|vision_tower|vision_model|vision_encoder|vit|image_encoder|img_encoder)\.", RegexOptions.CultureInvariant)]
    private static partial Regex Vision();

    [GeneratedRegex(@"(?:^|\.)(?:audio|audio_tower|audio_model|audio_encoder|speech_encoder|speech_model|sound_tower|sound_encoder)\.", RegexOptions.CultureInvariant)]
    private static partial Regex Audio();

    // adapter.eng.safetensors and adapter.deu.safetensors.
    [GeneratedRegex(@"\.[^.]+\.(?=safetensors$)", RegexOptions.CultureInvariant)]
    private static partial Regex SecondPart();

    [GeneratedRegex(@"(?:^|\.)(?:mtp|nextn|mtp_layers|eagle)(?:\.|_|$)", RegexOptions.CultureInvariant)]
    private static partial Regex Mtp();

    [GeneratedRegex(@"(?:^|\.)layers\.(\d{1,9})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Layer();
}
