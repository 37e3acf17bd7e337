using System.Text;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Understanding;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Changes to <c>config.json</c> that leave every other byte alone.</summary>
public static class ConfigJson
{
    public const string FileName = ConfigFacts.FileName;

    private static readonly string[] DtypeWords = ["float32", "float16", "bfloat16", "float64", "float", "half", "double", "auto"];

    /// <summary>Sets the top-level <c>dtype</c> and <c>torch_dtype</c>, as far as they are there.</summary>
    /// <exception cref="CheckpointException">The text is not a JSON object.</exception>
    public static byte[] WithDtype(ReadOnlySpan<byte> config, Dtype dtype) => With(config, new ConfigChanges(dtype, IsOneDtype: false, IsUntied: false, IsPlain: false));

    /// <summary>Makes all changes.</summary>
    /// <exception cref="CheckpointException">The text is not a JSON object.</exception>
    internal static byte[] With(ReadOnlySpan<byte> config, ConfigChanges changes)
    {
        var output = new List<byte>(config.Length + 64);
        int copied = 0;
        foreach ((int begin, int end, byte[] text) in FindEdits(config, changes))
        {
            output.AddRange(config[copied..begin]);
            output.AddRange(text);
            copied = end;
        }

        output.AddRange(config[copied..]);
        return [.. output];
    }

    private static string TorchName(Dtype dtype) => dtype switch
    {
        Dtype.BF16 => "bfloat16",
        Dtype.F16 => "float16",
        Dtype.F32 => "float32",
        Dtype.F64 => "float64",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Only arithmetic dtypes are a model's."),
    };

    private static List<(int Begin, int End, byte[] Text)> FindEdits(ReadOnlySpan<byte> config, ConfigChanges changes)
    {
        var edits = new List<(int, int, byte[])>();
        try
        {
            var reader = new Utf8JsonReader(config, new JsonReaderOptions { MaxDepth = 128 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw CheckpointErrors.ConfigNotJson("the configuration is not a JSON object");
            }

            int begin = (int)reader.BytesConsumed;
            bool saysTied = false;
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName)
                {
                    saysTied |= reader.ValueTextEquals(TiedHeads.Key);
                    ReadMember(ref reader, config, changes, edits);
                }
            }

            if (changes.IsUntied && !saysTied && new TiedHeads(NoTensors, ConfigFacts.Parse(config.ToArray()) ?? ConfigFacts.None).IsTiedByDefault)
            {
                edits.Insert(0, (begin, begin, Encoding.UTF8.GetBytes($"\n  \"{TiedHeads.Key}\": false,")));
            }
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

        return edits;
    }

    private static Dictionary<string, CheckpointTensor> NoTensors { get; } = [];

    private static void ReadMember(ref Utf8JsonReader reader, ReadOnlySpan<byte> config, ConfigChanges changes, List<(int, int, byte[])> edits)
    {
        int depth = reader.CurrentDepth;
        int key = (int)reader.TokenStartIndex;
        if (reader.ValueTextEquals(CheckpointNature.QuantisationKey))
        {
            reader.Read();
            bool isObject = reader.TokenType == JsonTokenType.StartObject;
            reader.Skip();
            if (changes.IsPlain && isObject)
            {
                (int begin, int end) = Member(config, key, (int)reader.BytesConsumed);
                edits.Add((begin, end, []));
            }
        }
        else if (reader.ValueTextEquals("dtype") || reader.ValueTextEquals("torch_dtype"))
        {
            reader.Read();
            bool isMeant = depth == 1 ? reader.TokenType is JsonTokenType.String or JsonTokenType.Null : changes.IsOneDtype && IsDtype(ref reader);
            if (isMeant && changes.Dtype is { } dtype)
            {
                edits.Add(((int)reader.TokenStartIndex, (int)reader.BytesConsumed, Encoding.UTF8.GetBytes($"\"{TorchName(dtype)}\"")));
            }
        }
        else if (changes.IsUntied && reader.ValueTextEquals(TiedHeads.Key))
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.True)
            {
                edits.Add(((int)reader.TokenStartIndex, (int)reader.BytesConsumed, "false"u8.ToArray()));
            }
        }
    }

    // Deeper in a configuration the key may be another thing's.
    private static bool IsDtype(ref Utf8JsonReader reader) => reader.TokenType == JsonTokenType.Null
        || (reader.TokenType == JsonTokenType.String && DtypeWords.Contains(reader.GetString()!.Replace("torch.", "", StringComparison.Ordinal), StringComparer.Ordinal));

    // A member with the comma that belongs to it: the one behind it, or for the last one the one before.
    private static (int Begin, int End) Member(ReadOnlySpan<byte> config, int begin, int end)
    {
        int behind = end + Spaces(config[end..]);
        if (behind < config.Length && config[behind] == (byte)',')
        {
            behind++;
            return (begin, behind + Spaces(config[behind..]));
        }

        int before = config[..begin].LastIndexOfAnyExcept(" \t\r\n"u8);
        return before >= 0 && config[before] == (byte)',' ? (before, end) : (begin, end);
    }

    private static int Spaces(ReadOnlySpan<byte> text) => text.IndexOfAnyExcept(" \t\r\n"u8) is >= 0 and var first ? first : text.Length;
}
