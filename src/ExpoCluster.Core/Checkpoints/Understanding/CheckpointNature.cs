using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>What a checkpoint is, beside its tensors. Names, dtypes, shapes and configuration tell; either of them may lie, so all are looked at.</summary>
public sealed class CheckpointNature
{
    internal const string QuantisationKey = "quantization_config";

    // Of compressed-tensors, before transformers had a key of its own for it.
    internal const string CompressionKey = "compression_config";

    private CheckpointNature(
        ConfigFacts config,
        bool isConfigSound,
        AdapterFacts? adapter,
        ImmutableArray<QuantisedFormat> quantised,
        TiedHeads heads,
        ExpertLayout experts,
        ImmutableArray<string> empty)
    {
        Config = config;
        IsConfigSound = isConfigSound;
        Adapter = adapter;
        Quantised = quantised;
        Heads = heads;
        Experts = experts;
        Empty = empty;
    }

    /// <summary>What the configuration says; empty where there is none.</summary>
    public ConfigFacts Config { get; }

    /// <summary>There is no configuration, or it is a JSON object.</summary>
    public bool IsConfigSound { get; }

    /// <summary>Null where it is no adapter and holds none.</summary>
    public AdapterFacts? Adapter { get; }

    /// <summary>How weights are quantised, the format with most of them first; empty for a plain model.</summary>
    public ImmutableArray<QuantisedFormat> Quantised { get; }

    public TiedHeads Heads { get; }

    public ExpertLayout Experts { get; }

    /// <summary>Names of weights without elements.</summary>
    public ImmutableArray<string> Empty { get; }

    /// <summary>The method that the configuration names for quantised weights, wherever it stands; null for none.</summary>
    public string? QuantisationMethod => Config.ObjectsNamed(QuantisationKey).Concat(Config.ObjectsNamed(CompressionKey))
        .Select(path => Config.Text(path + ".quant_method") ?? Config.Text(path + ".quantization.quant_algo") ?? Config.Text(path + ".quant_algo")
            ?? (Config.HasObject(path) ? "unnamed" : null))
        .FirstOrDefault();

    /// <summary>In one word, for people and for JSON.</summary>
    public string Kind => Adapter is { IsWhole: true } ? "adapter" : !Quantised.IsEmpty ? "quantised model" : Adapter is not null ? "model with an adapter" : "model";

    internal static CheckpointNature Of(IReadOnlyDictionary<string, CheckpointTensor> tensors, string entryFileName, byte[]? config, byte[]? adapterConfig)
    {
        ConfigFacts? facts = ConfigFacts.Parse(config);
        ConfigFacts known = facts ?? ConfigFacts.None;
        ConfigFacts? ofAdapter = adapterConfig is null ? null : ConfigFacts.Parse(adapterConfig) ?? ConfigFacts.None;
        ImmutableArray<QuantisedFormat> quantised = new QuantisedTensors(tensors).Find();
        var nature = new CheckpointNature(
            known,
            facts is not null,
            AdapterFacts.Find(tensors.Keys, entryFileName, ofAdapter),
            quantised,
            new TiedHeads(tensors, known),
            ExpertLayout.Of(tensors.Values),
            EmptyTensors.WeightsOf(tensors, ImmutableDictionary<string, CheckpointTensor>.Empty));
        return quantised.IsEmpty && nature.QuantisationMethod is { } method && OfUnknownFormat(tensors, method) is { } unknown ? nature.With(unknown) : nature;
    }

    private CheckpointNature With(QuantisedFormat format) => new(Config, IsConfigSound, Adapter, [format], Heads, Experts, Empty);

    // The configuration says how; the tensors have a form that is not known here.
    private static QuantisedFormat? OfUnknownFormat(IReadOnlyDictionary<string, CheckpointTensor> tensors, string method)
    {
        ImmutableArray<string> codes = [.. tensors.Values.Where(QuantisedTensors.MayBeCodes).Select(tensor => tensor.Name).Order(StringComparer.Ordinal)];
        return codes.IsEmpty ? null : new QuantisedFormat(method, codes, [], []);
    }
}
