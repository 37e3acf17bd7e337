using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Tensors;

namespace ExpoCluster.Cli.Display;

/// <summary>What a checkpoint is, as text and as JSON.</summary>
internal static class NatureText
{
    private const int MaxNamed = 6;

    private static readonly string[] ShownKeys =
        ["hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size", "hidden_act", "rope_theta", "torch_dtype", "dtype"];

    public static IEnumerable<string> Lines(Checkpoint checkpoint)
    {
        CheckpointNature nature = checkpoint.Nature;
        yield return $"it is: {nature.Kind}{(nature.Config.ModelType is { } type ? $" of the family {Printable.Of(type)}" : "")}";
        if (nature.Adapter is { } adapter)
        {
            yield return $"adapter: {Printable.Of(adapter.Kind)}, {Count(adapter.Tensors, "tensor")}{(adapter.BasedOn is { } model ? $", based on {Printable.Of(model)}" : "")}";
        }

        foreach (QuantisedFormat format in nature.Quantised.Concat(nature.Suspected))
        {
            yield return $"{(format.IsSuspected ? "perhaps " : "")}quantised: {Printable.Of(format.Name)}, {Count(format.Weights, "weight")}, {Count(format.Scales, "scale")}, {Count(format.Others, "other tensor")}";
        }

        if (nature.QuantisationMethod is { } method)
        {
            yield return $"quantization_config: {Printable.Of(method)}{(nature.Quantised.IsEmpty ? ", but the weights are plain" : "")}";
        }

        string architecture = string.Join(", ", Architecture(nature.Config).Select(entry => $"{entry.Key} {Printable.Of(entry.Value)}"));
        if (architecture.Length > 0)
        {
            yield return $"architecture: {architecture}";
        }

        TiedHeads heads = nature.Heads;
        if (!heads.Embeddings.IsEmpty || !heads.Heads.IsEmpty)
        {
            string tied = heads.IsTied switch { true => "tied by the configuration", false => "not tied", null => "the configuration does not say whether tied" };
            yield return $"embeddings: {Names(heads.Embeddings)}; heads: {Names(heads.Heads)}; {tied}";
        }

        if (!nature.Experts.Fused.IsEmpty || !nature.Experts.Single.IsEmpty)
        {
            yield return $"experts: {Count(nature.Experts.Fused, "tensor")} of all experts of a layer, {Count(nature.Experts.Single, "tensor")} of one expert";
        }

        if (!nature.Empty.IsEmpty)
        {
            yield return $"without elements: {Count(nature.Empty, "weight")}, {Printable.Some(nature.Empty, MaxNamed)}";
        }
    }

    public static JsonObject ToJson(Checkpoint checkpoint)
    {
        CheckpointNature nature = checkpoint.Nature;
        return new JsonObject
        {
            ["kind"] = nature.Kind,
            ["modelType"] = nature.Config.ModelType,
            ["adapter"] = nature.Adapter is not { } adapter ? null : new JsonObject
            {
                ["kind"] = adapter.Kind, ["basedOn"] = adapter.BasedOn, ["tensors"] = adapter.Tensors.Length, ["isWhole"] = adapter.IsWhole,
            },
            ["quantised"] = new JsonArray([.. nature.Quantised.Select(format => (JsonNode)new JsonObject
            {
                ["format"] = format.Name, ["weights"] = format.Weights.Length, ["scales"] = format.Scales.Length, ["others"] = format.Others.Length,
            })]),
            ["quantizationConfig"] = nature.QuantisationMethod,
            ["architecture"] = new JsonObject(Architecture(nature.Config).Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
            ["heads"] = new JsonObject
            {
                ["embeddings"] = JsonOutput.Strings(nature.Heads.Embeddings), ["heads"] = JsonOutput.Strings(nature.Heads.Heads), ["tied"] = nature.Heads.IsTied,
            },
            ["experts"] = new JsonObject { ["fused"] = nature.Experts.Fused.Length, ["single"] = nature.Experts.Single.Length },
            ["withoutElements"] = JsonOutput.Strings(nature.Empty),
            ["notRead"] = new JsonArray([.. checkpoint.Strays.Select(stray => (JsonNode)new JsonObject
            {
                ["file"] = stray.FileName, ["tensors"] = JsonOutput.Strings(stray.Tensors),
            })]),
        };
    }

    // Values of a nested model stand beside those of the whole, by their paths.
    private static IEnumerable<KeyValuePair<string, string>> Architecture(ConfigFacts config) =>
        ShownKeys.SelectMany(config.Named).Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Text)).DistinctBy(entry => entry.Key);

    private static string Names(ImmutableArray<string> names) => names.IsEmpty ? "none" : Printable.Some(names, MaxNamed);

    private static string Count(ImmutableArray<string> names, string what) => string.Create(CultureInfo.InvariantCulture, $"{names.Length} {what}{(names.Length == 1 ? "" : "s")}");
}
