using System.Globalization;
using System.Text;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>Whether two checkpoints mean the same token by the same row of their embeddings.</summary>
internal static class TokenizerComparison
{
    /// <summary>Bytes. The largest vocabularies take some thirty megabytes.</summary>
    private const int MaxBytes = 64 << 20;

    private const int MaxShown = 3;

    private static readonly string[] FileNames = ["tokenizer.json", "vocab.json", "vocab.txt"];

    /// <summary>The first ids that mean different tokens, with their number; null where none does, or nothing can be compared.</summary>
    /// <param name="ofBase">Of base.</param>
    /// <param name="ofAligned">Of aligned.</param>
    public static string? Find(CheckpointFolder ofBase, CheckpointFolder ofAligned)
    {
        foreach (string name in FileNames)
        {
            // Of a model of the Hub only headers are read, unless it is in the cache.
            if (Read(ofBase, name) is { } one && Read(ofAligned, name) is { } two)
            {
                return one.AsSpan().SequenceEqual(two) ? null : Compare(name, Vocabulary(name, one), Vocabulary(name, two));
            }
        }

        return null;
    }

    private static byte[]? Read(CheckpointFolder folder, string name) => folder.LocalDirectory is null ? null : folder.ReadBeside(name, MaxBytes);

    private static string? Compare(string name, Dictionary<long, string>? one, Dictionary<long, string>? two)
    {
        if (one is null || two is null)
        {
            return null;
        }

        (long Id, string InBase, string InAligned)[] differing =
        [
            .. one.Where(entry => two.TryGetValue(entry.Key, out string? other) && other != entry.Value)
                .Select(entry => (entry.Key, entry.Value, two[entry.Key])).OrderBy(row => row.Key),
        ];
        return differing.Length == 0 ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"{name}: {differing.Length} of {Math.Min(one.Count, two.Count)} ids mean another token, the first ones {string.Join(", ", differing.Take(MaxShown).Select(row => $"{row.Id} ('{Printable.Of(row.InBase)}' in base, '{Printable.Of(row.InAligned)}' in aligned)"))}");
    }

    private static Dictionary<long, string>? Vocabulary(string name, byte[] content)
    {
        try
        {
            if (name == "vocab.txt")
            {
                return Encoding.UTF8.GetString(content).TrimEnd('\n').Split('\n').Select((token, id) => ((long)id, token)).ToDictionary();
            }

            using JsonDocument document = JsonDocument.Parse(content);
            return name == "vocab.json" ? FromMap(document.RootElement) : FromTokenizer(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or ArgumentException)
        {
            return null;
        }
    }

    // Pieces of SentencePiece are a list of [token, score]; of all others a map of tokens to ids.
    private static Dictionary<long, string> FromTokenizer(JsonElement root)
    {
        JsonElement vocabulary = root.GetProperty("model").GetProperty("vocab");
        Dictionary<long, string> tokens = vocabulary.ValueKind == JsonValueKind.Array
            ? vocabulary.EnumerateArray().Select((entry, id) => ((long)id, entry[0].GetString()!)).ToDictionary()
            : FromMap(vocabulary);
        if (root.TryGetProperty("added_tokens", out JsonElement added))
        {
            foreach (JsonElement token in added.EnumerateArray())
            {
                tokens[token.GetProperty("id").GetInt64()] = token.GetProperty("content").GetString()!;
            }
        }

        return tokens;
    }

    private static Dictionary<long, string> FromMap(JsonElement map)
    {
        var tokens = new Dictionary<long, string>();
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            tokens[entry.Value.GetInt64()] = entry.Name;
        }

        return tokens;
    }
}
