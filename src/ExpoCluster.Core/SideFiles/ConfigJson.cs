using System.Text;
using System.Text.Json;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.SideFiles;

/// <summary>Changes to <c>config.json</c> that leave every other byte alone.</summary>
public static class ConfigJson
{
    public const string FileName = "config.json";

    /// <summary>Sets the top-level <c>dtype</c> and <c>torch_dtype</c>, as far as they are there.</summary>
    /// <exception cref="CheckpointException">The text is not a JSON object.</exception>
    public static byte[] WithDtype(ReadOnlySpan<byte> config, Dtype dtype)
    {
        byte[] name = Encoding.UTF8.GetBytes($"\"{TorchName(dtype)}\"");
        var output = new List<byte>(config.Length + 32);
        int copied = 0;
        foreach ((int begin, int end) in FindDtypes(config))
        {
            output.AddRange(config[copied..begin]);
            output.AddRange(name);
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

    // Where the values of the two keys begin and end. Nested ones (of a sub-model's configuration) are left alone.
    private static List<(int Begin, int End)> FindDtypes(ReadOnlySpan<byte> config)
    {
        var found = new List<(int, int)>();
        try
        {
            var reader = new Utf8JsonReader(config);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw CheckpointErrors.ConfigNotJson("the configuration is not a JSON object");
            }

            while (reader.Read())
            {
                bool isWanted = reader.TokenType == JsonTokenType.PropertyName
                    && reader.CurrentDepth == 1
                    && (reader.ValueTextEquals("dtype") || reader.ValueTextEquals("torch_dtype"));
                if (isWanted && reader.Read() && reader.TokenType is JsonTokenType.String or JsonTokenType.Null)
                {
                    found.Add(((int)reader.TokenStartIndex, (int)reader.BytesConsumed));
                }
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

        return found;
    }
}
