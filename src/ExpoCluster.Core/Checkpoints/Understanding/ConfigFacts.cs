using System.Globalization;
using System.Text.Json;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>A value of <c>config.json</c> that is no object.</summary>
/// <param name="Kind">As JSON knows it.</param>
/// <param name="Text">A string's content; of everything else the JSON, without white space.</param>
public sealed record ConfigValue(JsonValueKind Kind, string Text);

/// <summary>What a <c>config.json</c> says: every value by its path, for example <c>text_config.rope_theta</c>.</summary>
public sealed class ConfigFacts
{
    public const string FileName = "config.json";

    /// <summary>Bytes. Real ones have some kilobytes; one with labels for a million classes has less.</summary>
    internal const int MaxBytes = 64 << 20;

    /// <summary>Keys below which a model of several kinds of input keeps its language model's own configuration.</summary>
    internal static readonly string[] LanguageModels = ["text_config", "llm_config", "language_config"];

    private const int MaxValues = 1_000_000;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 128 };

    private readonly Dictionary<string, ConfigValue> values = new(StringComparer.Ordinal);
    private readonly HashSet<string> objects = new(StringComparer.Ordinal);

    private ConfigFacts()
    {
    }

    /// <summary>What is known where there is no configuration.</summary>
    public static ConfigFacts None { get; } = new();

    /// <summary>Every value by its path.</summary>
    public IReadOnlyDictionary<string, ConfigValue> Values => values;

    public bool IsEmpty => values.Count == 0 && objects.Count == 0;

    /// <summary>The family of the model, for example <c>llama</c>; null where the configuration does not say.</summary>
    public string? ModelType => Text("model_type") ?? Named("model_type").FirstOrDefault(value => value.Value.Kind == JsonValueKind.String).Value?.Text;

    /// <summary>Reads a configuration.</summary>
    /// <param name="json">The content of the file; null for no file.</param>
    /// <returns>Null where the text is no JSON object, or has more values than any real one.</returns>
    public static ConfigFacts? Parse(byte[]? json)
    {
        if (json is null)
        {
            return None;
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(PythonJson.InStrictForm(json), Options);
            var facts = new ConfigFacts();
            return document.RootElement.ValueKind == JsonValueKind.Object && facts.TryAdd("", document.RootElement) ? facts : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // By an invalid operation the reader says that a text has half a surrogate pair.
            return null;
        }
    }

    /// <summary>The value at a path; null where there is none.</summary>
    public ConfigValue? Find(string path) => values.GetValueOrDefault(path);

    /// <summary>The text at a path; null where there is none, or something else.</summary>
    public string? Text(string path) => Find(path) is { Kind: JsonValueKind.String } value ? value.Text : null;

    /// <summary>The whole number at a path; null where there is none, or something else.</summary>
    public long? Number(string path) => Find(path) is { Kind: JsonValueKind.Number } value ? NumberOf(value) : null;

    /// <summary>The largest whole number that any key of this name has, wherever it stands; null for none.</summary>
    public long? LargestNumber(string key) => Named(key).Select(entry => NumberOf(entry.Value)).Max();

    /// <summary>An object stands at the path.</summary>
    public bool HasObject(string path) => objects.Contains(path);

    /// <summary>The paths of objects whose own key is this one, the shortest first.</summary>
    public IEnumerable<string> ObjectsNamed(string key) => objects.Where(path => LastKey(path) == key).OrderBy(path => path.Length).ThenBy(path => path, StringComparer.Ordinal);

    /// <summary>The values whose own key is this one, wherever they stand, the shortest path first.</summary>
    public IEnumerable<KeyValuePair<string, ConfigValue>> Named(string key) =>
        values.Where(entry => LastKey(entry.Key) == key).OrderBy(entry => entry.Key.Length).ThenBy(entry => entry.Key, StringComparer.Ordinal);

    internal static ReadOnlySpan<char> LastKeyOf(string path) => path.AsSpan(path.LastIndexOf('.') + 1);

    private static string LastKey(string path) => LastKeyOf(path).ToString();

    private static long? NumberOf(ConfigValue value) =>
        value.Kind == JsonValueKind.Number && long.TryParse(value.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : null;

    private bool TryAdd(string path, JsonElement element)
    {
        if (values.Count > MaxValues)
        {
            return false;
        }

        if (element.ValueKind != JsonValueKind.Object)
        {
            values[path] = new ConfigValue(
                element.ValueKind, element.ValueKind == JsonValueKind.String ? element.GetString()! : JsonSerializer.Serialize(element, ConfigFactsJson.Default.JsonElement));
            return true;
        }

        objects.Add(path);
        return element.EnumerateObject().All(member => TryAdd(path.Length == 0 ? member.Name : path + "." + member.Name, member.Value));
    }
}
