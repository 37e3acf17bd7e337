using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>Everything that speaks against merging two checkpoints though their tensors fit.</summary>
internal static class PairWarnings
{
    private const string SamePair = "check that aligned was trained from base, and that both are the versions that belong together.";

    /// <param name="recipe">What is asked for.</param>
    /// <param name="baseCheckpoint">One side.</param>
    /// <param name="aligned">The other.</param>
    /// <param name="planned">The output's tensors.</param>
    /// <param name="sample">Null where none was taken.</param>
    public static ImmutableArray<PlanWarning> Find(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> planned, PairSample? sample) =>
    [
        .. OfEquality(planned, sample),
        .. OfSample(sample),
        .. OfOrder(recipe, baseCheckpoint, aligned),
        .. OfConfigs(baseCheckpoint, aligned),
        .. OfTokenizers(baseCheckpoint, aligned, planned),
        .. OfStatistics(planned),
        .. OfVocabulary("base", baseCheckpoint),
        .. OfVocabulary("aligned", aligned),
        .. OfQuantisation("base", baseCheckpoint.Nature),
        .. OfQuantisation("aligned", aligned.Nature),
    ];

    private static IEnumerable<PlanWarning> OfEquality(ImmutableArray<PlannedTensor> planned, PairSample? sample)
    {
        PlannedTensor[] computed = [.. planned.Where(tensor => tensor.IsMerged)];
        string? sign = computed.Length > 0 && computed.All(tensor => (tensor.Sources[0].Input, tensor.Sources[0].Offset) == (tensor.Sources[1].Input, tensor.Sources[1].Offset))
            ? "they are the same files"
            : sample is { IsWithoutDifference: true }
                ? $"a sample of {sample.Elements.ToString("N0", CultureInfo.InvariantCulture)} weights has no difference"
                : null;
        if (sign is not null)
        {
            yield return new PlanWarning(
                PlanWarning.Equal,
                $"base and aligned look like the same model: {sign}. Whatever alpha is, the output of equal weights is aligned.",
                "give the model before preference training as --base and the one after it as --aligned.");
        }
    }

    private static IEnumerable<PlanWarning> OfSample(PairSample? sample)
    {
        if (sample is { IsUnrelated: true })
        {
            yield return new PlanWarning(
                PlanWarning.Unrelated,
                $"base and aligned look like unrelated models: in a sample of {sample.Elements.ToString("N0", CultureInfo.InvariantCulture)} weights {sample}. Of a model and what was trained from it they are 0.001 to 0.1 and 1.00.",
                SamePair);
        }
    }

    private static IEnumerable<PlanWarning> OfOrder(Recipe recipe, Checkpoint baseCheckpoint, Checkpoint aligned)
    {
        if (ExchangedPair.Find(recipe, baseCheckpoint, aligned) is { } sign)
        {
            yield return new PlanWarning(
                PlanWarning.Exchanged,
                $"base and aligned may be exchanged: {sign}. Base is the model before preference training, aligned the one after it.",
                "give the model before preference training as --base and the one after it as --aligned.");
        }
    }

    private static IEnumerable<PlanWarning> OfConfigs(Checkpoint baseCheckpoint, Checkpoint aligned)
    {
        if (!baseCheckpoint.Nature.IsConfigSound)
        {
            yield return new PlanWarning(PlanWarning.ConfigurationUnreadable, "base's config.json is no JSON object, so nothing of it could be compared.", "download it again.");
        }

        IReadOnlyList<string> keys = ConfigComparison.Find(baseCheckpoint.Nature.Config, aligned.Nature.Config, RowsDiffer(baseCheckpoint, aligned));
        if (keys.Count > 0)
        {
            yield return new PlanWarning(
                PlanWarning.ConfigurationsDiffer,
                $"the configurations give the same weights another meaning: {ConfigComparison.Describe(keys)}. The output has aligned's.",
                SamePair);
        }
    }

    private static bool RowsDiffer(Checkpoint baseCheckpoint, Checkpoint aligned) => aligned.Nature.Heads.Embeddings.Any(name =>
        aligned.Tensors[name].Shape is [var rows, ..] && baseCheckpoint.Tensors.GetValueOrDefault(name)?.Shape is [var ofBase, ..] && rows != ofBase);

    // Rows of embedding and head are joined by their position.
    private static IEnumerable<PlanWarning> OfTokenizers(Checkpoint baseCheckpoint, Checkpoint aligned, ImmutableArray<PlannedTensor> planned)
    {
        bool joinsRows = planned.Any(tensor => tensor.IsMerged && (TiedHeads.IsEmbedding(tensor.Entry.Name) || aligned.Nature.Heads.IsHead(tensor.Entry.Name)));
        if (joinsRows && TokenizerComparison.Find(baseCheckpoint.Folder, aligned.Folder) is { } difference)
        {
            yield return new PlanWarning(
                PlanWarning.TokenizersDiffer,
                $"the tokenizers differ, but rows of embeddings and heads are joined by position: {difference}.",
                "use checkpoints with one tokenizer, or name embedding and head in on_mismatch.");
        }
    }

    private static IEnumerable<PlanWarning> OfStatistics(ImmutableArray<PlannedTensor> planned)
    {
        ImmutableArray<string> statistics =
        [
            .. planned.Where(tensor => tensor.IsMerged && ExpoMethod.AlphaOf(tensor.Parameters) != 0 && DerivedBuffers.IsStatistic(tensor.Entry.Name)).Select(tensor => tensor.Entry.Name),
        ];
        if (statistics.Length > 0)
        {
            yield return new PlanWarning(
                PlanWarning.StatisticsExtrapolated,
                $"the statistics of batch normalisations are extrapolated like weights: {Refusals.Tensors(statistics)}. A variance that training made smaller may come out below zero, and then every output is NaN.",
                "give them alpha 0, which takes aligned's: in the recipe, alpha: [{match: '*running_*', alpha: 0}, {match: '*', alpha: 0.3}].");
        }
    }

    private static IEnumerable<PlanWarning> OfVocabulary(string side, Checkpoint checkpoint)
    {
        CheckpointNature nature = checkpoint.Nature;
        long[] sizes = [.. nature.Config.Named("vocab_size").Select(entry => nature.Config.Number(entry.Key)).OfType<long>().Distinct()];
        CheckpointTensor[] embeddings = [.. nature.Heads.Embeddings.Select(name => checkpoint.Tensors[name]).Where(tensor => tensor.Shape.Length == 2)];
        if (sizes is [var size] && embeddings is [var embedding] && embedding.Shape[0] != size && !HasRowsBeside(nature.Config, size, embedding.Shape[0]))
        {
            yield return new PlanWarning(
                PlanWarning.VocabularyIsNotItsRows,
                string.Create(CultureInfo.InvariantCulture, $"{side}'s config.json says vocab_size {size}, but '{Printable.Of(embedding.Name)}' has {embedding.Shape[0]} rows."),
                "set vocab_size to the rows that there are, or use the config.json that belongs to these weights.");
        }
    }

    // Mamba's own configuration says of how many rows the vocabulary is made a multiple, OLMo's and GLM's how many rows there are;
    // Mllama has eight for images and Moshi one for nothing.
    private static bool HasRowsBeside(ConfigFacts config, long size, long rows) =>
        config.LargestNumber("pad_vocab_size_multiple") is not null
        || config.LargestNumber("embedding_size") == rows || config.LargestNumber("padded_vocab_size") == rows
        || (config.ModelType is { } type && rows - size == (type.StartsWith("mllama", StringComparison.Ordinal) ? 8 : type.StartsWith("moshi", StringComparison.Ordinal) ? 1 : 0));

    private static IEnumerable<PlanWarning> OfQuantisation(string side, CheckpointNature nature)
    {
        if (nature.QuantisationMethod is { } method && nature.Quantised.IsEmpty)
        {
            string output = side == "aligned" ? " The output's config.json goes without it, for its weights are plain." : "";
            yield return new PlanWarning(
                PlanWarning.QuantisedByConfigurationOnly,
                $"{side}'s config.json has a quantization_config ({Printable.Of(method)}), but its weights are plain.{output}",
                "remove quantization_config from that config.json, or use the weights that it describes.");
        }
        else if (nature.QuantisationMethod is null && !nature.Quantised.IsEmpty && !nature.Config.IsEmpty)
        {
            yield return new PlanWarning(
                PlanWarning.QuantisedByTensorsOnly,
                $"{side}'s weights are quantised ({Printable.Of(nature.Quantised[0].Name)}), but its config.json has no quantization_config.",
                "use the config.json that belongs to these weights.");
        }

        if (!nature.ScalesOfPlainWeights.IsEmpty)
        {
            yield return new PlanWarning(
                PlanWarning.ScalesBesidePlainWeights,
                $"{side} has scales beside plain weights, which a dequantisation may have left behind: {Refusals.Tensors(nature.ScalesOfPlainWeights)}. They are merged as any tensors.",
                "save the model without them; if the weights are codes after all, use the config.json that says so.");
        }
    }
}
