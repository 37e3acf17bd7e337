using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ExpoCluster.Client.Jobs;

/// <summary>What a server is asked to merge or to plan: the keys of a recipe, and a few beside them.</summary>
/// <remarks>Paths are the server's: absolute under one of its storage roots, or relative to the first.</remarks>
public sealed record RecipeRequest
{
    /// <summary>Chosen by the client, so that it may submit again without harm: lower-case letters, digits and dashes, at most 63.</summary>
    [JsonPropertyName("id")]
    public string? Id { get; init; }

    /// <summary>Another model in the output directory is replaced.</summary>
    [JsonPropertyName("overwrite")]
    public bool? Overwrite { get; init; }

    /// <summary>Only headers are read for the plan: no weights are looked at to see whether the two models are related.</summary>
    [JsonPropertyName("no_sample")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? NoSample { get; init; }

    /// <summary>A built-in recipe's name, or a recipe as an object; what is given beside it wins over it.</summary>
    [JsonPropertyName("recipe")]
    public JsonNode? Recipe { get; init; }

    [JsonPropertyName("name")]
    public string? Name { get; init; }

    [JsonPropertyName("method")]
    public string? Method { get; init; }

    /// <summary>The reference of the checkpoint before preference training.</summary>
    [JsonPropertyName("base")]
    public string? Base { get; init; }

    /// <summary>The reference of the checkpoint after it.</summary>
    [JsonPropertyName("aligned")]
    public string? Aligned { get; init; }

    /// <summary>A number, or a list of <c>{"match": glob, "alpha": number}</c>.</summary>
    [JsonPropertyName("alpha")]
    public JsonNode? Alpha { get; init; }

    [JsonPropertyName("alpha_by_depth")]
    public IReadOnlyList<double>? AlphaByDepth { get; init; }

    [JsonPropertyName("sweep")]
    public IReadOnlyList<double>? Sweep { get; init; }

    [JsonPropertyName("numerics")]
    public string? Numerics { get; init; }

    [JsonPropertyName("seed")]
    public long? Seed { get; init; }

    [JsonPropertyName("dtype")]
    public string? Dtype { get; init; }

    /// <summary>A word, or a list of <c>{"match": glob, "policy": word}</c>.</summary>
    [JsonPropertyName("on_mismatch")]
    public JsonNode? OnMismatch { get; init; }

    /// <summary>A list of <c>{"from": text, "to": text, "in": "base" or "aligned"}</c>.</summary>
    [JsonPropertyName("rename")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonNode? Rename { get; init; }

    /// <summary>What must hold of the two checkpoints, with commas between: <c>layers=N</c>, <c>same-tokenizer</c>, <c>same-chat-template</c>.</summary>
    [JsonPropertyName("require")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Require { get; init; }

    [JsonPropertyName("max_shard_size")]
    public string? MaxShardSize { get; init; }

    /// <summary>Whatever would be a warning is an error.</summary>
    [JsonPropertyName("strict")]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Strict { get; init; }

    /// <summary>The output directory.</summary>
    [JsonPropertyName("out")]
    public string? Output { get; init; }
}
