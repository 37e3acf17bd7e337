using System.Text.Json;

namespace ExpoCluster.Core.Recipes;

/// <summary>Turns a value of a recipe's JSON into a draft's.</summary>
internal static class JsonDraft
{
    public static DraftValue Read(string key, JsonElement value) => value.ValueKind == JsonValueKind.Array
        ? new DraftValue("", key) { Entries = [.. value.EnumerateArray().Select((entry, index) => ReadEntry($"{key}[{index}]", entry))] }
        : new DraftValue(value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetRawText() : value.ToString(), key);

    private static DraftEntry ReadEntry(string path, JsonElement entry) => entry.ValueKind == JsonValueKind.Object
        ? new DraftEntry(path, null, [.. entry.EnumerateObject().Select(field => KeyValuePair.Create(field.Name, (string?)field.Value.ToString()))])
        : new DraftEntry(path, entry.ToString(), []);
}
