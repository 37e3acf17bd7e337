using System.Collections.Immutable;
using System.Text.Json;

namespace ExpoCluster.Core.Checkpoints;

/// <summary>What <c>model.safetensors.index.json</c> says: which file holds each tensor.</summary>
internal sealed class WeightMap
{
    /// <summary>A million tensors with long names take half of it.</summary>
    internal const int MaxIndexBytes = 256 << 20;

    private readonly Dictionary<string, string> _fileOfTensor = new(StringComparer.Ordinal);

    private readonly SharedTexts fileNames = new();
    private string? lastFile;

    private WeightMap()
    {
    }

    public IReadOnlyDictionary<string, string> FileOfTensor => _fileOfTensor;

    /// <summary>The distinct files, in the order of their names.</summary>
    public ImmutableArray<string> FileNames { get; private set; }

    /// <summary><c>metadata.total_size</c>; null where the index has none, for real ones often do not.</summary>
    public long? TotalBytes { get; private set; }

    /// <param name="json">The content of the index.</param>
    /// <param name="path">Its file, for errors.</param>
    public static WeightMap Parse(ReadOnlySpan<byte> json, string path)
    {
        try
        {
            var map = new WeightMap();
            var reader = new Utf8JsonReader(json);
            reader.Read();
            map.ReadTop(ref reader, path);
            // One more read finds anything that follows the object.
            reader.Read();
            map.FileNames = [.. map._fileOfTensor.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
            return map;
        }
        catch (JsonException exception)
        {
            throw CheckpointErrors.IndexNotJson(path, exception);
        }
        catch (InvalidOperationException exception)
        {
            // The reader's way to say that a string is no Unicode text: invalid UTF-8 or half a surrogate pair.
            throw CheckpointErrors.IndexNotJson(path, exception);
        }
    }

    private void ReadTop(ref Utf8JsonReader reader, string path)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw CheckpointErrors.IndexNotObject(path, Describe(reader.TokenType));
        }

        var keys = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string key = reader.GetString()!;
            if (!keys.Add(key))
            {
                throw CheckpointErrors.IndexKeyTwice(path, key);
            }

            reader.Read();
            ReadTopValue(ref reader, key, path);
        }

        if (!keys.Contains("weight_map"))
        {
            throw CheckpointErrors.WeightMapMissing(path);
        }
    }

    private void ReadTopValue(ref Utf8JsonReader reader, string key, string path)
    {
        switch (key)
        {
            case "weight_map":
                ReadWeightMap(ref reader, path);
                break;
            case "metadata":
                ReadMetadata(ref reader, path);
                break;
            default:
                reader.Skip();
                break;
        }
    }

    private void ReadWeightMap(ref Utf8JsonReader reader, string path)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw CheckpointErrors.WeightMapNotStrings(path, "weight_map", Describe(reader.TokenType));
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            ReadEntry(ref reader, path);
        }

        if (_fileOfTensor.Count == 0)
        {
            throw CheckpointErrors.WeightMapEmpty(path);
        }
    }

    private void ReadEntry(ref Utf8JsonReader reader, string path)
    {
        string tensor = reader.GetString()!;
        reader.Read();
        if (reader.TokenType != JsonTokenType.String)
        {
            throw CheckpointErrors.WeightMapNotStrings(path, tensor, Describe(reader.TokenType));
        }

        // Most often the file of the tensor before: a string for each would be as many bytes as the names themselves.
        lastFile = lastFile is not null && reader.ValueTextEquals(lastFile) ? lastFile : fileNames.Share(reader.GetString()!);
        string fileName = WithoutHere(lastFile);
        if (!IsPlainFileName(fileName))
        {
            throw CheckpointErrors.UnsafeFileName(path, tensor, fileName);
        }

        if (!_fileOfTensor.TryAdd(tensor, fileName))
        {
            throw CheckpointErrors.IndexKeyTwice(path, tensor);
        }
    }

    // As some converters write it: "./file" is the file.
    private static string WithoutHere(string name)
    {
        while (name.StartsWith("./", StringComparison.Ordinal))
        {
            name = name[2..];
        }

        return name;
    }

    // An index is downloaded text: a name that could lead out of the directory must not be opened.
    private static bool IsPlainFileName(string name) =>
        name.Length > 0 && name != "." && !name.Contains("..", StringComparison.Ordinal) && name.AsSpan().IndexOfAny("/\\:\0") < 0;

    private void ReadMetadata(ref Utf8JsonReader reader, string path)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return;
        }

        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw CheckpointErrors.MetadataNotObject(path, Describe(reader.TokenType));
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            bool isTotal = reader.ValueTextEquals("total_size");
            reader.Read();
            if (isTotal && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long total))
            {
                TotalBytes = total;
            }

            reader.Skip();
        }
    }

    private static string Describe(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "true or false",
    };
}
