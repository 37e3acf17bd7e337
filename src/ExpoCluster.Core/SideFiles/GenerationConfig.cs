using System.Text.Json;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.SideFiles;

/// <summary><c>generation_config.json</c>, which transformers loads whatever it says, and refuses to save where it contradicts itself.</summary>
internal static class GenerationConfig
{
    public const string FileName = "generation_config.json";

    private const int LongestNumber = 30;

    // Settings of sampling, and what they are where nobody has set them.
    private static readonly (string Key, double? Default)[] OfSampling =
    [
        ("temperature", 1), ("top_p", 1), ("top_k", 50), ("typical_p", 1), ("min_p", null), ("epsilon_cutoff", 0), ("eta_cutoff", 0),
    ];

    /// <summary>Why transformers refuses to save it; null where it does not, or where it cannot be read.</summary>
    public static string? NoteOn(ReadOnlyMemory<byte> json) => JsonObjectFile.Ask(json, NoteOn, otherwise: null);

    private static string? NoteOn(JsonElement config)
    {
        if (config.TryGetProperty("do_sample", out JsonElement samples) && samples.ValueKind == JsonValueKind.True)
        {
            return null;
        }

        string[] unused =
        [
            .. from setting in OfSampling
               where config.TryGetProperty(setting.Key, out JsonElement value) && value.ValueKind == JsonValueKind.Number
                   && value.GetDouble() != setting.Default
               select $"{setting.Key} {Printable.Shortened(config.GetProperty(setting.Key).GetRawText(), LongestNumber)}",
        ];
        return unused.Length == 0
            ? null
            : $"{FileName} is copied as it is, but transformers refuses to save it: it has {string.Join(", ", unused)}, and do_sample is not true";
    }
}
