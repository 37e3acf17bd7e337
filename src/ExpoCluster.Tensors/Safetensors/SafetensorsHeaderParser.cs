using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Safetensors;

/// <summary>
/// Reads the JSON of a header, stricter than a JSON library: what two readers could understand differently is refused.
/// </summary>
internal ref struct SafetensorsHeaderParser(ReadOnlySpan<byte> json, string file)
{
    public const string MetadataName = "__metadata__";

    private const int DeepestNesting = 128;

    private readonly ReadOnlySpan<byte> json = json;
    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly List<long> numbers = [];

    // The reader's own limit is one level beyond ours, so that ours is met first and has its own error.
    private Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = DeepestNesting + 1 });
    private string? current;

    public List<SafetensorsTensor> Tensors { get; } = [];

    public ImmutableSortedDictionary<string, string> Metadata { get; private set; } =
        ImmutableSortedDictionary.Create<string, string>(Utf8Order.Instance);

    public void Parse()
    {
        CheckEncoding();
        if (Next() != JsonTokenType.StartObject)
        {
            throw SafetensorsRules.HeaderIsAnObject.Broken(
                file, offset: Position, expected: "{", found: reader.TokenType.ToString());
        }

        while (Next() == JsonTokenType.PropertyName)
        {
            ReadEntry(Text());
        }

        CheckRest(json[(int)reader.BytesConsumed..]);
    }

    private readonly long Position => SafetensorsHeader.LengthFieldBytes + reader.TokenStartIndex;

    private readonly void CheckEncoding()
    {
        if (!Utf8.IsValid(json))
        {
            throw SafetensorsRules.HeaderIsUtf8.Broken(
                file, offset: SafetensorsHeader.LengthFieldBytes + ValidPrefixLength(json));
        }

        if (json.StartsWith("\uFEFF"u8))
        {
            throw SafetensorsRules.HeaderIsOnlyAnObject.Broken(
                file, offset: SafetensorsHeader.LengthFieldBytes, expected: "{", found: "a byte-order mark");
        }
    }

    private static int ValidPrefixLength(ReadOnlySpan<byte> text)
    {
        int length = 0;
        while (Rune.DecodeFromUtf8(text[length..], out _, out int consumed) == System.Buffers.OperationStatus.Done)
        {
            length += consumed;
        }

        return length;
    }

    private readonly void CheckRest(ReadOnlySpan<byte> rest)
    {
        int stranger = rest.IndexOfAnyExcept(" \t\r\n"u8);
        if (stranger >= 0)
        {
            throw SafetensorsRules.HeaderIsOnlyAnObject.Broken(
                file,
                offset: SafetensorsHeader.LengthFieldBytes + json.Length - rest.Length + stranger,
                expected: "white space behind the object",
                found: $"byte 0x{rest[stranger]:X2}");
        }
    }

    private void ReadEntry(string name)
    {
        if (!names.Add(name))
        {
            throw SafetensorsRules.KeysAreUnique.Broken(file, name, Position);
        }

        current = name;
        Next();
        if (name == MetadataName)
        {
            ReadMetadata();
        }
        else
        {
            Tensors.Add(ReadTensor(name));
        }

        current = null;
    }

    private void ReadMetadata()
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        Require(JsonTokenType.StartObject, SafetensorsRules.MetadataIsText, "an object");
        var entries = Metadata.ToBuilder();
        while (Next() == JsonTokenType.PropertyName)
        {
            string key = Text();
            if (entries.ContainsKey(key))
            {
                throw SafetensorsRules.KeysAreUnique.Broken(file, MetadataName, Position, found: key);
            }

            Next();
            Require(JsonTokenType.String, SafetensorsRules.MetadataIsText, "a text");
            entries.Add(key, Text());
        }

        Metadata = entries.ToImmutable();
    }

    private SafetensorsTensor ReadTensor(string name)
    {
        Require(JsonTokenType.StartObject, SafetensorsRules.EntryIsWhole, "an object");
        long entryStart = Position;
        Dtype? dtype = null;
        ImmutableArray<long>? shape = null;
        ImmutableArray<long>? offsets = null;
        HashSet<string>? strangers = null;
        while (Next() == JsonTokenType.PropertyName)
        {
            string key = FieldName();
            long keyStart = Position;
            Next();
            bool first = key switch
            {
                "dtype" => Set(ref dtype, ReadDtype()),
                "shape" => Set(ref shape, ReadNumbers()),
                "data_offsets" => Set(ref offsets, ReadOffsets()),
                _ => (strangers ??= new(StringComparer.Ordinal)).Add(key) && SkipValue(),
            };
            if (!first)
            {
                throw SafetensorsRules.KeysAreUnique.Broken(file, name, keyStart, found: key);
            }
        }

        return new SafetensorsTensor(
            name,
            dtype ?? throw Lacks("dtype", entryStart),
            shape ?? throw Lacks("shape", entryStart),
            (offsets ?? throw Lacks("data_offsets", entryStart))[0],
            offsets.Value[1]);
    }

    private static bool Set<T>(ref T? field, T value)
        where T : struct
    {
        bool first = field is null;
        field = value;
        return first;
    }

    private readonly TensorFileException Lacks(string field, long entryStart) =>
        SafetensorsRules.EntryIsWhole.Broken(file, current, entryStart, expected: $"the field {field}");

    private Dtype ReadDtype()
    {
        Require(JsonTokenType.String, SafetensorsRules.EntryIsWhole, "the name of a dtype");
        string name = Text();
        return DtypeFacts.TryParse(name, out Dtype dtype)
            ? dtype
            : throw SafetensorsRules.DtypeIsKnown.Broken(file, current, Position, found: name);
    }

    private ImmutableArray<long> ReadOffsets()
    {
        long start = Position;
        ImmutableArray<long> offsets = ReadNumbers();
        return offsets.Length == 2
            ? offsets
            : throw SafetensorsRules.EntryIsWhole.Broken(file, current, start, "2 data_offsets", $"{offsets.Length}");
    }

    private ImmutableArray<long> ReadNumbers()
    {
        Require(JsonTokenType.StartArray, SafetensorsRules.EntryIsWhole, "an array");
        numbers.Clear();
        while (Next() != JsonTokenType.EndArray)
        {
            Require(JsonTokenType.Number, SafetensorsRules.NumberIsWhole, "a number");
            numbers.Add(ReadNumber());
        }

        return [.. numbers];
    }

    /// <summary>
    /// Digits only: JSON's <c>-0</c>, <c>16.0</c> and <c>1e2</c> are whole numbers to some readers and not to others.
    /// </summary>
    private readonly long ReadNumber()
    {
        if (!ulong.TryParse(reader.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number))
        {
            throw SafetensorsRules.NumberIsWhole.Broken(file, current, Position, found: TokenText);
        }

        return number <= long.MaxValue
            ? (long)number
            : throw SafetensorsRules.SizeFits.Broken(file, current, Position, found: TokenText);
    }

    /// <summary>Passes over the value of a field that the format does not know (yet).</summary>
    private bool SkipValue()
    {
        int depth = reader.CurrentDepth;
        RequireShallow();
        while (reader.CurrentDepth > depth || reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            Next();
            RequireShallow();
        }

        return true;
    }

    private readonly void RequireShallow()
    {
        bool opens = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
        if (opens && reader.CurrentDepth >= DeepestNesting)
        {
            throw SafetensorsRules.NestingIsShallow.Broken(file, current, Position, expected: $"at most {DeepestNesting} levels");
        }
    }

    private readonly void Require(JsonTokenType type, TensorFileRule rule, string expected)
    {
        if (reader.TokenType != type)
        {
            throw rule.Broken(file, current, Position, expected, TokenText);
        }
    }

    private readonly string TokenText => Encoding.UTF8.GetString(reader.ValueSpan);

    /// <summary>The key of a field, without a new string for the three that every entry has.</summary>
    private readonly string FieldName() =>
        reader.ValueSpan.SequenceEqual("dtype"u8) ? "dtype"
        : reader.ValueSpan.SequenceEqual("shape"u8) ? "shape"
        : reader.ValueSpan.SequenceEqual("data_offsets"u8) ? "data_offsets"
        : Text();

    private readonly string Text()
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException cause)
        {
            // The header is known to be UTF-8 here, so only an escaped half of a surrogate pair can be wrong.
            throw SafetensorsRules.TextIsUnicode.Broken(file, current, Position, found: TokenText, cause: cause);
        }
    }

    private JsonTokenType Next()
    {
        int start = (int)reader.BytesConsumed;
        bool amongNumbers = reader.TokenType is JsonTokenType.StartArray or JsonTokenType.Number;
        try
        {
            reader.Read();
            return reader.TokenType;
        }
        catch (JsonException cause)
        {
            throw Malformed(json[start..].TrimStart(" \t\r\n,:"u8), amongNumbers, cause);
        }
    }

    private readonly TensorFileException Malformed(ReadOnlySpan<byte> rest, bool amongNumbers, JsonException cause)
    {
        // A leading zero or a bare minus sign is not even JSON, but the user looks for a wrong number.
        bool isNumber = amongNumbers && !rest.IsEmpty && (rest[0] == '-' || char.IsAsciiDigit((char)rest[0]));
        TensorFileRule rule = isNumber ? SafetensorsRules.NumberIsWhole : SafetensorsRules.HeaderIsJson;
        return rule.Broken(
            file,
            current,
            SafetensorsHeader.LengthFieldBytes + json.Length - rest.Length,
            found: rest.IsEmpty ? "the end of the header" : Encoding.UTF8.GetString(rest[..Math.Min(rest.Length, 20)]),
            cause: cause);
    }
}
