using System.Collections.Immutable;

namespace ExpoCluster.Core.Samples;

/// <summary>The two repositories of a published ExPO model.</summary>
/// <param name="Name">Of the recipe that merges them.</param>
/// <param name="Base">Before preference training.</param>
/// <param name="Aligned">After it.</param>
public sealed record PublishedPair(string Name, PublishedModel Base, PublishedModel Aligned)
{
    private const WeightsFormats Safetensors = WeightsFormats.Safetensors;
    private const WeightsFormats Torch = WeightsFormats.Torch;
    private const long Small = 2_000_000_000;
    private const long Medium = 5_000_000_000;
    private const long Large = 10_000_000_000;

    /// <summary>All that there are.</summary>
    public static ImmutableArray<PublishedPair> All { get; } =
    [
        new(
            "zephyr-7b-alpha",
            new("HuggingFaceH4/mistral-7b-sft-alpha", ModelFamily.Mistral7B, Torch, Large),
            new("HuggingFaceH4/zephyr-7b-alpha", ModelFamily.Mistral7B, Safetensors | Torch, Small)),
        new(
            "zephyr-7b-beta",
            new("HuggingFaceH4/mistral-7b-sft-beta", ModelFamily.Mistral7B, Safetensors, Large),
            new("HuggingFaceH4/zephyr-7b-beta", ModelFamily.Mistral7B, Safetensors, Small)),
        new(
            "starling-lm-7b-alpha",
            new("openchat/openchat_3.5", ModelFamily.OpenChat7B, Torch, Large),
            new("berkeley-nest/Starling-LM-7B-alpha", ModelFamily.OpenChat7B, Safetensors, Medium)),
        new(
            "starling-lm-7b-beta",
            new("openchat/openchat-3.5-0106", ModelFamily.OpenChat7B, Safetensors, Medium),
            new("Nexusflow/Starling-LM-7B-beta", ModelFamily.OpenChat7B, Safetensors, Medium)),
        new(
            "snorkel-mistral-pairrm",
            new("mistralai/Mistral-7B-Instruct-v0.2", ModelFamily.Mistral7B, Safetensors | Torch, Medium) { HasOversizedStorage = true },
            new("snorkelai/Snorkel-Mistral-PairRM-DPO", ModelFamily.Mistral7B, Torch, Large) { HasTrainingArguments = true }),
        new(
            "llama3-iterative-dpo",
            new("RLHFlow/LLaMA3-SFT", ModelFamily.Llama3Of8B, Safetensors, Medium),
            new("RLHFlow/LLaMA3-iterative-DPO-final", ModelFamily.Llama3Of8B, Safetensors, Medium)),
        new(
            "internlm2-chat-1.8b",
            new("internlm/internlm2-chat-1_8b-sft", ModelFamily.InternLM2Of1800M, Safetensors, Small),
            new("internlm/internlm2-chat-1_8b", ModelFamily.InternLM2Of1800M, Safetensors, Small)),
        new(
            "internlm2-chat-7b",
            new("internlm/internlm2-chat-7b-sft", ModelFamily.InternLM2Of7B, Safetensors, Small),
            new("internlm/internlm2-chat-7b", ModelFamily.InternLM2Of7B, Safetensors, Small)),
        new(
            "internlm2-chat-20b",
            new("internlm/internlm2-chat-20b-sft", ModelFamily.InternLM2Of20B, Safetensors, Small),
            new("internlm/internlm2-chat-20b", ModelFamily.InternLM2Of20B, Safetensors, Small)),
        new(
            "tulu-2-dpo-7b",
            new("allenai/tulu-2-7b", ModelFamily.Llama2Of7B, Torch, Large),
            new("allenai/tulu-2-dpo-7b", ModelFamily.Llama2Of7B, Torch, Large)),
        new(
            "tulu-2-dpo-13b",
            new("allenai/tulu-2-13b", ModelFamily.Llama2Of13B, Torch, Large) { HasRotaryBuffers = true },
            new("allenai/tulu-2-dpo-13b", ModelFamily.Llama2Of13B, Safetensors, Large)),
        new(
            "tulu-2-dpo-70b",
            new("allenai/tulu-2-70b", ModelFamily.Llama2Of70B, Torch, Large) { HasRotaryBuffers = true },
            new("allenai/tulu-2-dpo-70b", ModelFamily.Llama2Of70B, Torch, Large)),
    ];

    /// <summary>The pair of this name; null when there is none.</summary>
    public static PublishedPair? Find(string name) => All.FirstOrDefault(pair => pair.Name == name);
}
