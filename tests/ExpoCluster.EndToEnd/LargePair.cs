using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ExpoCluster.EndToEnd;

/// <summary>Two checkpoints with the names and shapes of DeepSeek-V3, all BF16: 91,991 tensors in 163 files that have headers and no data.</summary>
public static class LargePair
{
    public const int TensorCount = 91_991;
    public const int FileCount = 163;

    private const int Hidden = 7168;
    private const int ScaleBlock = 128;

    public static void Write(string directory)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            WriteSide(Directory.CreateDirectory(Path.Join(directory, side)).FullName);
        }
    }

    private static void WriteSide(string directory)
    {
        (string Name, long[] Shape)[] tensors = [.. Tensors()];
        long bytesOfEach = tensors.Sum(BytesOf) / FileCount;
        var weightMap = new Dictionary<string, string>();
        int file = 0;
        var gathered = new List<(string Name, long[] Shape)>();
        foreach ((string Name, long[] Shape) tensor in tensors)
        {
            gathered.Add(tensor);
            weightMap[tensor.Name] = NameOf(file);
            if (file < FileCount - 1 && gathered.Sum(BytesOf) >= bytesOfEach)
            {
                WriteFile(Path.Join(directory, NameOf(file++)), gathered);
                gathered.Clear();
            }
        }

        WriteFile(Path.Join(directory, NameOf(file)), gathered);
        File.WriteAllText(Path.Join(directory, "model.safetensors.index.json"), JsonSerializer.Serialize(new { metadata = new { total_size = tensors.Sum(BytesOf) }, weight_map = weightMap }));
        File.WriteAllText(Path.Join(directory, "config.json"), """{"model_type": "deepseek_v3", "torch_dtype": "bfloat16"}""");
    }

    private static string NameOf(int file) => string.Create(CultureInfo.InvariantCulture, $"model-{file + 1:00000}-of-{FileCount:000000}.safetensors");

    private static long BytesOf((string Name, long[] Shape) tensor) => 2 * tensor.Shape.Aggregate(1L, (product, extent) => product * extent);

    private static void WriteFile(string path, IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var header = new Dictionary<string, object>();
        long offset = 0;
        foreach ((string Name, long[] Shape) tensor in tensors)
        {
            header[tensor.Name] = new { dtype = "BF16", shape = tensor.Shape, data_offsets = new[] { offset, offset + BytesOf(tensor) } };
            offset += BytesOf(tensor);
        }

        byte[] text = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, text.Length);
        using FileStream stream = File.Create(path);
        stream.Write(length);
        stream.Write(text);
        stream.SetLength(8 + text.Length + offset);
    }

    private static IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        yield return ("model.embed_tokens.weight", [129280, Hidden]);
        for (int layer = 0; layer < 62; layer++)
        {
            foreach ((string name, long[] shape) in Layer(layer))
            {
                yield return (string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.{name}"), shape);
            }
        }

        yield return ("model.norm.weight", [Hidden]);
        yield return ("lm_head.weight", [129280, Hidden]);
    }

    private static IEnumerable<(string Name, long[] Shape)> Layer(int layer) =>
    [
        ("input_layernorm.weight", [Hidden]),
        ("post_attention_layernorm.weight", [Hidden]),
        ("self_attn.q_a_layernorm.weight", [1536]),
        ("self_attn.kv_a_layernorm.weight", [512]),
        .. Scaled("self_attn.q_a_proj", 1536, Hidden),
        .. Scaled("self_attn.q_b_proj", 24576, 1536),
        .. Scaled("self_attn.kv_a_proj_with_mqa", 576, Hidden),
        .. Scaled("self_attn.kv_b_proj", 32768, 512),
        .. Scaled("self_attn.o_proj", Hidden, 16384),
        .. layer < 3 ? Mlp("mlp", 18432) : Experts(),
        .. layer == 61 ? Prediction() : [],
    ];

    private static IEnumerable<(string Name, long[] Shape)> Experts() =>
    [
        ("mlp.gate.weight", [256, Hidden]),
        ("mlp.gate.e_score_correction_bias", [256]),
        .. Mlp("mlp.shared_experts", 2048),
        .. Enumerable.Range(0, 256).SelectMany(expert => Mlp(string.Create(CultureInfo.InvariantCulture, $"mlp.experts.{expert}"), 2048)),
    ];

    private static IEnumerable<(string Name, long[] Shape)> Prediction() =>
    [
        ("embed_tokens.weight", [129280, Hidden]), ("enorm.weight", [Hidden]), ("hnorm.weight", [Hidden]),
        ("eh_proj.weight", [Hidden, 2 * Hidden]), ("shared_head.norm.weight", [Hidden]), ("shared_head.head.weight", [129280, Hidden]),
    ];

    private static IEnumerable<(string Name, long[] Shape)> Mlp(string name, int intermediate) =>
        [.. Scaled(name + ".gate_proj", intermediate, Hidden), .. Scaled(name + ".up_proj", intermediate, Hidden), .. Scaled(name + ".down_proj", Hidden, intermediate)];

    private static IEnumerable<(string Name, long[] Shape)> Scaled(string name, int rows, int columns) =>
        [(name + ".weight", [rows, columns]), (name + ".weight_scale_inv", [Blocks(rows), Blocks(columns)])];

    private static int Blocks(int extent) => (extent + ScaleBlock - 1) / ScaleBlock;
}
