using System.Globalization;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>What a key of a configuration says, in one spelling.</summary>
/// <param name="Path">Where it is said.</param>
/// <param name="Value">What is said, in that spelling.</param>
/// <param name="Text">What is said, as it stands there.</param>
internal sealed record ConfigMeaning(string Path, string Value, string Text)
{
    public static ConfigMeaning Of(string path, ConfigValue value) => new(path, Normalised(value), value.Text);

    /// <summary>The model that keys lead to: a language model's own configuration means what the top level does in one that has no other.</summary>
    public static string ModelOf(string[] keys) => string.Join('.', IsOfLanguageModel(keys) ? keys[1..] : keys);

    /// <summary>The keys lead into a language model's own configuration.</summary>
    public static bool IsOfLanguageModel(string[] keys) => keys.Length > 0 && ConfigFacts.LanguageModels.Contains(keys[0]);

    private static string Normalised(ConfigValue value) => value.Kind switch
    {
        JsonValueKind.Number => Number(value.Text),
        JsonValueKind.Array => Numbers(value.Text),
        _ => value.Text,
    };

    // 10000 and 10000.0 and 1e4 are one number.
    private static string Number(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
        ? number.ToString("R", CultureInfo.InvariantCulture)
        : text;

    // Of texts none can be a number, for they stand in quotation marks.
    private static string Numbers(string array) => $"[{string.Join(", ", array[1..^1].Split(',').Select(Number))}]";
}
