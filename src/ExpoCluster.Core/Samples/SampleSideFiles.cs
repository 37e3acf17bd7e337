using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>Configuration files with which a sample is a checkpoint that tools accept.</summary>
internal static class SampleSideFiles
{
    private const string Note = "\"note\": \"a sample of ExpoCluster: random weights, no tokenizer\"";

    public static void Write(string directory, ImmutableArray<SampleTensor> tensors)
    {
        File.WriteAllText(Path.Join(directory, "config.json"), Config(tensors));
        File.WriteAllText(Path.Join(directory, "generation_config.json"), "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2\n}\n");
        File.WriteAllText(
            Path.Join(directory, "tokenizer_config.json"),
            $"{{\n  {Note},\n  \"tokenizer_class\": \"LlamaTokenizer\"\n}}\n");
    }

    /// <summary>With what goes along with a published model: configuration, tokenizer and, where it has any, its own code.</summary>
    public static void Write(string directory, ModelFamily family)
    {
        File.WriteAllText(Path.Join(directory, "config.json"), Config(family));
        File.WriteAllText(Path.Join(directory, "generation_config.json"), "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": 2\n}\n");
        File.WriteAllText(Path.Join(directory, "tokenizer_config.json"), $"{{\n  {Note},\n  \"tokenizer_class\": \"LlamaTokenizer\"\n}}\n");
        File.WriteAllText(Path.Join(directory, "tokenizer.json"), $"{{\n  {Note}\n}}\n");
        File.WriteAllText(
            Path.Join(directory, "special_tokens_map.json"), "{\n  \"bos_token\": \"<s>\",\n  \"eos_token\": \"</s>\",\n  \"unk_token\": \"<unk>\"\n}\n");
        File.WriteAllText(Path.Join(directory, "tokenizer.model"), "a sample of ExpoCluster: no tokenizer\n");
        foreach (string module in ModulesOf(family))
        {
            File.WriteAllText(Path.Join(directory, module + ".py"), "# A sample of ExpoCluster: the published model has its own code here.\n");
        }
    }

    private static string[] ModulesOf(ModelFamily family) => family.ModelType == "internlm2"
        ? ["configuration_internlm2", "modeling_internlm2", "tokenization_internlm2"]
        : [];

    private static string Config(ModelFamily family)
    {
        string architecture = family.ModelType switch
        {
            "mistral" => "MistralForCausalLM",
            "internlm2" => "InternLM2ForCausalLM",
            _ => "LlamaForCausalLM",
        };
        string code = family.ModelType == "internlm2"
            ? "\n  \"auto_map\": {\n    \"AutoConfig\": \"configuration_internlm2.InternLM2Config\",\n    \"AutoModelForCausalLM\": \"modeling_internlm2.InternLM2ForCausalLM\"\n  },"
            : "";
        return string.Create(CultureInfo.InvariantCulture, $$"""
            {
              "architectures": [
                "{{architecture}}"
              ],{{code}}
              "hidden_act": "silu",
              "hidden_size": {{family.Hidden}},
              "intermediate_size": {{family.Intermediate}},
              "model_type": "{{family.ModelType}}",
              "num_attention_heads": {{family.Heads}},
              "num_hidden_layers": {{family.Layers}},
              "num_key_value_heads": {{family.KeyValueHeads}},
              "rms_norm_eps": 1e-05,
              "tie_word_embeddings": false,
              "torch_dtype": "bfloat16",
              "vocab_size": {{family.Vocabulary}}
            }

            """).ReplaceLineEndings("\n");
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
