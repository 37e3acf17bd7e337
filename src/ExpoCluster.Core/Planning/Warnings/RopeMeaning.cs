using System.Text.Json;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>What a configuration says of rotary positions, however a version of transformers spells it.</summary>
/// <remarks>
/// Version 4 has <c>rope_theta</c>, <c>rope_scaling</c> and <c>partial_rotary_factor</c> beside each other, version 5 all of them in <c>rope_parameters</c>. A model whose layers
/// are of two kinds has <c>rope_local_base_freq</c> in the former, and an object for each kind in the latter.
/// </remarks>
internal sealed class RopeMeaning
{
    private const string Type = "rope_type";

    private const string Theta = "rope_theta";

    private const string Partial = "partial_rotary_factor";

    private const string OriginalPositions = "original_max_position_embeddings";

    private const string Sections = "mrope_section";

    private const string Plain = "default";

    private const string Everywhere = "full_attention";

    private const string Local = "sliding_attention";

    private static readonly string[] Objects = ["rope_parameters", "rope_scaling"];

    // Of families that have other words for the same.
    private static readonly Dictionary<string, (string Layers, string Parameter)> Beside = new(StringComparer.Ordinal)
    {
        [Theta] = (Everywhere, Theta),
        ["rotary_emb_base"] = (Everywhere, Theta),
        ["global_rope_theta"] = (Everywhere, Theta),
        ["rope_local_base_freq"] = (Local, Theta),
        ["local_rope_theta"] = (Local, Theta),
        [Partial] = (Everywhere, Partial),
        ["rotary_pct"] = (Everywhere, Partial),
        [OriginalPositions] = (Everywhere, OriginalPositions),
    };

    // What holds where the key is missing; of others that depends on the model.
    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal)
    {
        [Type] = Plain,
        ["beta_fast"] = "32",
        ["beta_slow"] = "1",
        ["truncate"] = "true",
    };

    private readonly Dictionary<(string Model, string Layers), Dictionary<string, ConfigMeaning>> said = [];

    private RopeMeaning()
    {
    }

    // Of sub-models apart.
    private bool SaysAnything => said.Keys.Any(place => place.Model.Length == 0);

    public static RopeMeaning Of(ConfigFacts config)
    {
        var meaning = new RopeMeaning();
        // What is said later counts: a language model's own configuration, and of its keys what stands in the objects.
        foreach ((string path, ConfigValue value) in config.Values.Where(entry => entry.Value.Kind is not (JsonValueKind.Null or JsonValueKind.Undefined)).OrderBy(entry => RankOf(entry.Key)).ThenBy(entry => entry.Key, StringComparer.Ordinal))
        {
            meaning.Add(path, value);
        }

        return meaning;
    }

    /// <summary>Each parameter that the two give different values, with the places where they say so.</summary>
    public static IEnumerable<(ConfigMeaning Base, ConfigMeaning Aligned)> Differences(RopeMeaning ofBase, RopeMeaning ofAligned)
    {
        // Every model may have plain positions without a word, but not every model has layers of another kind, or sub-models.
        (string Model, string Layers)[] always = ofBase.SaysAnything && ofAligned.SaysAnything ? [] : [("", Everywhere)];
        return ofBase.said.Keys.Intersect(ofAligned.said.Keys).Concat(always).SelectMany(place => Differences(ofBase.At(place), ofAligned.At(place)));
    }

    private static IEnumerable<(ConfigMeaning Base, ConfigMeaning Aligned)> Differences(Dictionary<string, ConfigMeaning> one, Dictionary<string, ConfigMeaning> two)
    {
        string type = TypeOf(one);
        bool isSameType = type == TypeOf(two);
        return one.Keys.Union(two.Keys).Where(parameter => Counts(parameter, type, isSameType))
            .Select(parameter => (Base: Said(one, parameter, two), Aligned: Said(two, parameter, one)))
            .Where(pair => pair.Base is not null && pair.Aligned is not null && pair.Base.Value != pair.Aligned.Value)
            .Select(pair => (pair.Base!, pair.Aligned!));
    }

    // Of two kinds of scaling nobody wants each figure; plain positions have none.
    private static bool Counts(string parameter, string type, bool isSameType) =>
        parameter is Type or Theta or Partial || (isSameType && (type != Plain || parameter == Sections));

    private static string TypeOf(Dictionary<string, ConfigMeaning> said) => said.GetValueOrDefault(Type)?.Value ?? Plain;

    private static ConfigMeaning? Said(Dictionary<string, ConfigMeaning> said, string parameter, Dictionary<string, ConfigMeaning> other) =>
        said.GetValueOrDefault(parameter) ?? (Defaults.TryGetValue(parameter, out string? value) ? new ConfigMeaning(other[parameter].Path, value, value) : null);

    private Dictionary<string, ConfigMeaning> At((string Model, string Layers) place)
    {
        var found = new Dictionary<string, ConfigMeaning>(said.GetValueOrDefault(place) ?? [], StringComparer.Ordinal);
        if (TypeOf(found) == "linear" && found.GetValueOrDefault("factor") is { Value: "1" })
        {
            found.Remove(Type);
        }

        return found;
    }

    private void Add(string path, ConfigValue value)
    {
        string[] keys = path.Split('.');
        int at = Array.FindIndex(keys, Objects.Contains);
        if (at < 0)
        {
            if (Beside.TryGetValue(keys[^1], out (string Layers, string Parameter) place))
            {
                Add(ConfigMeaning.ModelOf(keys[..^1]), place.Layers, place.Parameter, path, value);
            }
        }
        else if (keys.Length - at is 2 or 3)
        {
            Add(ConfigMeaning.ModelOf(keys[..at]), keys.Length - at == 3 ? keys[at + 1] : Everywhere, keys[^1], path, value);
        }
    }

    private void Add(string model, string layers, string parameter, string path, ConfigValue value)
    {
        if (!said.TryGetValue((model, layers), out Dictionary<string, ConfigMeaning>? parameters))
        {
            said[(model, layers)] = parameters = new Dictionary<string, ConfigMeaning>(StringComparer.Ordinal);
        }

        parameters[parameter == "type" ? Type : parameter] = parameter is "type" or Type
            ? new ConfigMeaning(path, value.Text switch { "su" => "longrope", "mrope" => Plain, var type => type }, value.Text)
            : ConfigMeaning.Of(path, value);
    }

    // In the order in which one takes the place of another: "rope_type" that of "type", for they are told apart by their text.
    private static int RankOf(string path)
    {
        string[] keys = path.Split('.');
        int at = Array.FindIndex(keys, Objects.Contains);
        int rank = at < 0 ? 0 : 2 + (2 * Array.IndexOf(Objects, keys[at])) + (keys[^1] == "type" ? -1 : 0);
        return rank + (ConfigMeaning.IsOfLanguageModel(keys) ? 10 : 0);
    }
}
