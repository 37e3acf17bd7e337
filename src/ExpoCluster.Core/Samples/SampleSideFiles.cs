using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>Configuration files with which a sample is a checkpoint that tools accept.</summary>
internal static class SampleSideFiles
{
    public static void Write(string directory, ImmutableArray<SampleTensor> tensors)
    {
        File.WriteAllText(Path.Join(directory, "config.json"), Config(tensors));
        File.WriteAllText(Path.Join(directory, "generation_config.json"), "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2\n}\n");
        File.WriteAllText(
            Path.Join(directory, "tokenizer_config.json"),
            "{\n  \"note\": \"a sample of ExpoCluster: random weights, no tokenizer\",\n  \"tokenizer_class\": \"LlamaTokenizer\"\n}\n");
    }

    private static string Config(ImmutableArray<SampleTensor> tensors)
    {
        long Extent(string name, int axis) =>
            tensors.FirstOrDefault(tensor => tensor.Name.EndsWith(name, StringComparison.Ordinal)) is { } found && found.Shape.Length > axis
                ? found.Shape[axis]
                : 0;
        long hidden = Extent("embed_tokens.weight", 1);
        long headSize = hidden >= 256 ? 64 : 16;
        string dtype = tensors.IsEmpty ? "float32" : tensors[0].Dtype switch
        {
            Dtype.BF16 => "bfloat16",
            Dtype.F16 => "float16",
            Dtype.F64 => "float64",
            _ => "float32",
        };
        return string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "architectures": [
                "LlamaForCausalLM"
              ],
              "hidden_act": "silu",
              "hidden_size": {{hidden}},
              "intermediate_size": {{Extent("mlp.gate_proj.weight", 0)}},
              "model_type": "llama",
              "num_attention_heads": {{hidden / headSize}},
              "num_hidden_layers": {{tensors.Count(tensor => tensor.Name.EndsWith(".input_layernorm.weight", StringComparison.Ordinal))}},
              "num_key_value_heads": {{hidden / headSize / 4}},
              "rms_norm_eps": 1e-05,
              "tie_word_embeddings": false,
              "torch_dtype": "{{dtype}}",
              "vocab_size": {{Extent("embed_tokens.weight", 0)}}
            }

            """).ReplaceLineEndings("\n");
    }
}
