using System.Collections.Immutable;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;

namespace ExpoCluster.Core.SideFiles;

/// <summary>One key of a JSON object and its value, by where their bytes are.</summary>
/// <param name="Path">The keys that lead to it, its own the last; elements of a list count as the list.</param>
/// <param name="KeyBegin">Bytes from the start of the text to the key's quote.</param>
/// <param name="ValueBegin">Bytes to the value's first.</param>
/// <param name="Kind">Of the value.</param>
internal sealed record JsonProperty(ImmutableArray<string> Path, int KeyBegin, int ValueBegin, JsonTokenType Kind)
{
    /// <summary>Bytes to the one behind the value's last.</summary>
    public int ValueEnd { get; private set; }

    /// <summary>The value where it is a text; null for another, and for one that is no Unicode text.</summary>
    public string? Text { get; private init; }

    public string Key => Path[^1];

    public bool IsTopLevel => Path.Length == 1;

    /// <summary>Every property of a JSON object, nested ones too, in the order of the text.</summary>
    /// <exception cref="CheckpointException">The text is no JSON object, or a top-level key is no Unicode text.</exception>
    public static ImmutableArray<JsonProperty> AllOf(ReadOnlySpan<byte> json)
    {
        try
        {
            return Read(PythonJson.InStrictForm(json));
        }
        catch (JsonException exception)
        {
            throw CheckpointErrors.ConfigNotJson($"the configuration is not valid JSON: {exception.Message}", exception);
        }
        catch (InvalidOperationException exception)
        {
            // The reader's way to say that a key is no Unicode text: half a surrogate pair.
            throw CheckpointErrors.ConfigNotJson("the configuration has half a surrogate pair in a key", exception);
        }
    }

    private static ImmutableArray<JsonProperty> Read(ReadOnlySpan<byte> json)
    {
        var found = ImmutableArray.CreateBuilder<JsonProperty>();
        var open = new Stack<(JsonProperty? Owner, ImmutableArray<string> Path)>();
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw CheckpointErrors.ConfigNotJson("the configuration is not a JSON object");
        }

        open.Push((null, []));
        while (reader.Read())
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.PropertyName:
                    JsonProperty property = ReadProperty(ref reader, open.Peek().Path);
                    found.Add(property);
                    OpenIfContainer(reader, property, property.Path);
                    break;
                case JsonTokenType.EndObject or JsonTokenType.EndArray:
                    open.Pop().Owner?.ValueEnd = (int)reader.BytesConsumed;
                    break;
                default:
                    OpenIfContainer(reader, owner: null, open.Count > 0 ? open.Peek().Path : []);
                    break;
            }
        }

        return found.ToImmutable();

        void OpenIfContainer(Utf8JsonReader at, JsonProperty? owner, ImmutableArray<string> path)
        {
            if (at.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                open.Push((owner, path));
            }
        }
    }

    private static JsonProperty ReadProperty(ref Utf8JsonReader reader, ImmutableArray<string> outer)
    {
        // A key of a sub-model that is no text can be none of those that are looked for.
        string key = outer.IsEmpty ? reader.GetString()! : TextOf(reader) ?? "";
        int keyBegin = (int)reader.TokenStartIndex;
        reader.Read();
        return new JsonProperty(outer.Add(key), keyBegin, (int)reader.TokenStartIndex, reader.TokenType)
        {
            ValueEnd = (int)reader.BytesConsumed, Text = reader.TokenType == JsonTokenType.String ? TextOf(reader) : null,
        };
    }

    private static string? TextOf(Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
