using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>What a checkpoint is, beside its tensors. Names, dtypes, shapes and configuration tell; either of them may lie, so all are looked at.</summary>
public sealed class CheckpointNature
{
    internal const string QuantisationKey = "quantization_config";

    /// <summary>The keys of a quantisation; the second is that of compressed-tensors, before transformers had one for it.</summary>
    internal static readonly ImmutableArray<string> QuantisationKeys = [QuantisationKey, "compression_config"];

    private CheckpointNature(
        ConfigFacts config,
        bool isConfigSound,
        AdapterFacts? adapter,
        ImmutableArray<QuantisedFormat> quantised,
        ImmutableArray<string> scalesOfPlainWeights,
        TiedHeads heads,
        ExpertLayout experts,
        ImmutableArray<string> empty)
    {
        Config = config;
        IsConfigSound = isConfigSound;
        Adapter = adapter;
        Quantised = [.. quantised.Where(format => !format.IsSuspected)];
        Suspected = [.. quantised.Where(format => format.IsSuspected)];
        ScalesOfPlainWeights = scalesOfPlainWeights;
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

    /// <summary>What looks like codes, though nothing but names and dtypes says so: the other side decides.</summary>
    public ImmutableArray<QuantisedFormat> Suspected { get; }

    /// <summary>Names of scales that lie beside plain weights, where the configuration names no quantisation.</summary>
    public ImmutableArray<string> ScalesOfPlainWeights { get; }

    public TiedHeads Heads { get; }

    public ExpertLayout Experts { get; }

    /// <summary>Names of weights without elements.</summary>
    public ImmutableArray<string> Empty { get; }

    /// <summary>The method that the configuration names for quantised weights, wherever it stands; null for none.</summary>
    public string? QuantisationMethod => QuantisationMethodOf(Config);

    /// <summary>The same, or what TensorRT-LLM and MLX write in another place, where plain models may have it as well.</summary>
    internal string? MethodOfCodes => MethodOfCodesIn(Config);

    /// <summary>In one word, for people and for JSON.</summary>
    public string Kind => Adapter is { IsWhole: true } ? "adapter" : !Quantised.IsEmpty ? "quantised model" : Adapter is not null ? "model with an adapter" : "model";

    internal static CheckpointNature Of(IReadOnlyDictionary<string, CheckpointTensor> tensors, string entryFileName, byte[]? config, byte[]? adapterConfig)
    {
        ConfigFacts? facts = ConfigFacts.Parse(config);
        ConfigFacts known = facts ?? ConfigFacts.None;
        ConfigFacts? ofAdapter = adapterConfig is null ? null : ConfigFacts.Parse(adapterConfig) ?? ConfigFacts.None;
        string? method = MethodOfCodesIn(known);
        var codes = new QuantisedTensors(tensors, isNamed: method is not null);
        ImmutableArray<QuantisedFormat> quantised = codes.Find();
        if (quantised.IsEmpty && method is not null && OfUnknownFormat(tensors, method) is { } unknown)
        {
            quantised = [unknown];
        }

        return new CheckpointNature(
            known,
            facts is not null,
            AdapterFacts.Find(tensors.Keys, entryFileName, known, ofAdapter),
            quantised,
            codes.ScalesOfPlainWeights(),
            new TiedHeads(tensors, known),
            ExpertLayout.Of(tensors.Values),
            EmptyTensors.WeightsOf(tensors, ImmutableDictionary<string, CheckpointTensor>.Empty));
    }

    private static string? QuantisationMethodOf(ConfigFacts config) => QuantisationKeys.SelectMany(config.ObjectsNamed)
        .Select(path => config.Text(path + ".quant_method") ?? config.Text(path + ".quantization.quant_algo") ?? config.Text(path + ".quant_algo")
            ?? (config.HasObject(path) ? "unnamed" : null))
        .FirstOrDefault();

    private static string? MethodOfCodesIn(ConfigFacts config) => QuantisationMethodOf(config)
        ?? config.ObjectsNamed("quantization").Select(path => config.Text(path + ".quant_algo") ?? config.Text(path + ".quant_method") ?? (config.Number(path + ".bits") is not null ? "unnamed" : null))
            .FirstOrDefault(method => method is not null);

    // The configuration says how; the tensors have a form that is not known here.
    private static QuantisedFormat? OfUnknownFormat(IReadOnlyDictionary<string, CheckpointTensor> tensors, string method)
    {
        ImmutableArray<string> codes = [.. tensors.Values.Where(QuantisedTensors.MayBeCodes).Select(tensor => tensor.Name).Order(StringComparer.Ordinal)];
        return codes.IsEmpty ? null : new QuantisedFormat(method, codes, [], []);
    }
}
