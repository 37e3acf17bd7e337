using System.Globalization;
using System.Text.Json;

namespace ExpoCluster.Core.Checkpoints.Tokenizers;

/// <summary>Reads tokens and their ids out of the JSON files of a tokenizer, in one pass: they have tens of megabytes, and most of that is merges.</summary>
/// <remarks>Each method throws <see cref="JsonException"/>, <see cref="InvalidOperationException"/> or <see cref="FormatException"/> where the text is no such file.</remarks>
internal static class TokenJson
{
    // Four times the largest vocabulary that anybody has published.
    private const int MaxTokens = 1 << 20;

    /// <summary>Adds what <c>tokenizer.json</c> has: the model's vocabulary, and over it the tokens that were added.</summary>
    public static void ReadTokenizer(ReadOnlySpan<byte> json, Dictionary<long, string> tokens)
    {
        var added = new Dictionary<long, string>();
        Utf8JsonReader reader = Begin(json);
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "model" when IsObject(ref reader):
                    ReadModel(ref reader, tokens);
                    break;
                case "added_tokens" when reader.TokenType == JsonTokenType.StartArray:
                    ReadAddedTokens(ref reader, added);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        foreach ((long id, string token) in added)
        {
            tokens[id] = token;
        }
    }

    /// <summary>Adds what <c>vocab.json</c> or <c>added_tokens.json</c> has: a map of tokens to ids.</summary>
    public static void ReadMap(ReadOnlySpan<byte> json, Dictionary<long, string> tokens)
    {
        Utf8JsonReader reader = Begin(json);
        ReadTokensByName(ref reader, tokens);
    }

    /// <summary>Adds what <c>tokenizer_config.json</c> has as <c>added_tokens_decoder</c>: a map of ids to tokens.</summary>
    public static void ReadDecoder(ReadOnlySpan<byte> json, Dictionary<long, string> tokens)
    {
        Utf8JsonReader reader = Begin(json);
        while (NextKey(ref reader) is { } key)
        {
            if (key == "added_tokens_decoder" && IsObject(ref reader))
            {
                ReadTokensById(ref reader, tokens);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    /// <summary>Adds what <c>tekken.json</c> has: special tokens by their rank, and behind a fixed number of those the vocabulary by its own, as far as the model has rows.</summary>
    public static void ReadTekken(ReadOnlySpan<byte> json, Dictionary<long, string> tokens)
    {
        var ranks = new Dictionary<long, string>();
        var special = new Dictionary<long, string>();
        (long Size, long Special) counts = (long.MaxValue, 0);
        Utf8JsonReader reader = Begin(json);
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "config" when IsObject(ref reader):
                    counts = ReadTekkenCounts(ref reader);
                    break;
                case "vocab" when reader.TokenType == JsonTokenType.StartArray:
                    ReadRanked(ref reader, ranks);
                    break;
                case "special_tokens" when reader.TokenType == JsonTokenType.StartArray:
                    ReadRanked(ref reader, special);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        foreach ((long id, string token) in special.Concat(ranks.Select(rank => KeyValuePair.Create(rank.Key + counts.Special, rank.Value))).Where(token => token.Key < counts.Size))
        {
            Add(tokens, id, token);
        }
    }

    private static (long Size, long Special) ReadTekkenCounts(ref Utf8JsonReader reader)
    {
        long size = long.MaxValue;
        long special = 0;
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "default_vocab_size":
                    size = reader.GetInt64();
                    break;
                case "default_num_special_tokens":
                    special = reader.GetInt64();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (size, special);
    }

    // {"rank": 3, "token_bytes": "YQ==", "token_str": "a"}; special tokens have no bytes.
    private static void ReadRanked(ref Utf8JsonReader reader, Dictionary<long, string> tokens)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!IsObject(ref reader))
            {
                reader.Skip();
            }
            else if (ReadRankedEntry(ref reader) is { Rank: { } rank, Token: { } token })
            {
                Add(tokens, rank, token);
            }
        }
    }

    private static (long? Rank, string? Token) ReadRankedEntry(ref Utf8JsonReader reader)
    {
        long? rank = null;
        string? token = null;
        string? fromBytes = null;
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "rank":
                    rank = reader.GetInt64();
                    break;
                case "token_bytes" when reader.TokenType == JsonTokenType.String:
                    fromBytes = TokenBytes.Shown(reader.GetBytesFromBase64());
                    break;
                case "token_str" when reader.TokenType == JsonTokenType.String:
                    token = reader.GetString();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (rank, fromBytes ?? token);
    }

    private static void ReadTokensById(ref Utf8JsonReader reader, Dictionary<long, string> tokens)
    {
        while (NextKey(ref reader) is { } id)
        {
            if (!IsObject(ref reader))
            {
                reader.Skip();
            }
            else if (ReadEntry(ref reader).Content is { } content)
            {
                Add(tokens, long.Parse(id, NumberStyles.None, CultureInfo.InvariantCulture), content);
            }
        }
    }

    private static void ReadModel(ref Utf8JsonReader reader, Dictionary<long, string> tokens)
    {
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "vocab" when IsObject(ref reader):
                    ReadTokensByName(ref reader, tokens);
                    break;
                case "vocab" when reader.TokenType == JsonTokenType.StartArray:
                    ReadPieces(ref reader, tokens);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private static void ReadTokensByName(ref Utf8JsonReader reader, Dictionary<long, string> tokens)
    {
        while (NextKey(ref reader) is { } token)
        {
            Add(tokens, reader.GetInt64(), token);
        }
    }

    // A list of [piece, score]; the place is the id.
    private static void ReadPieces(ref Utf8JsonReader reader, Dictionary<long, string> tokens)
    {
        for (long id = 0; reader.Read() && reader.TokenType == JsonTokenType.StartArray; id++)
        {
            reader.Read();
            Add(tokens, id, reader.GetString() ?? "");
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                reader.Skip();
            }
        }
    }

    private static void ReadAddedTokens(ref Utf8JsonReader reader, Dictionary<long, string> tokens)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!IsObject(ref reader))
            {
                reader.Skip();
            }
            else if (ReadEntry(ref reader) is { Content: { } content, Id: { } id })
            {
                Add(tokens, id, content);
            }
        }
    }

    // {"id": 3, "content": "<s>", ...}
    private static (long? Id, string? Content) ReadEntry(ref Utf8JsonReader reader)
    {
        long? id = null;
        string? content = null;
        while (NextKey(ref reader) is { } key)
        {
            switch (key)
            {
                case "id":
                    id = reader.GetInt64();
                    break;
                case "content":
                    content = reader.GetString();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (id, content);
    }

    private static Utf8JsonReader Begin(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        return IsObject(ref reader) ? reader : throw new JsonException("No object.");
    }

    private static bool IsObject(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.StartObject;

    // Of the object that was entered; the reader then stands at the value. Null at the end of the object.
    private static string? NextKey(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.PropertyName)
        {
            return null;
        }

        string key = reader.GetString()!;
        reader.Read();
        return key;
    }

    private static void Add(Dictionary<long, string> tokens, long id, string token)
    {
        if (tokens.Count >= MaxTokens)
        {
            throw new JsonException("More tokens than any vocabulary has.");
        }

        tokens[id] = token;
    }
}
