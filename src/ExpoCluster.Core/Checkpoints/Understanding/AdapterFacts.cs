using System.Collections.Immutable;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>An adapter: factors that change a model, not weights of one.</summary>
/// <param name="Kind">For example <c>LoRA</c>.</param>
/// <param name="BasedOn">The model that it changes, as its configuration names it; null where that is not said.</param>
/// <param name="Tensors">Names of its own tensors.</param>
/// <param name="IsWhole">Nothing but the adapter is there; false where it lies among the weights of a model.</param>
public sealed record AdapterFacts(string Kind, string? BasedOn, ImmutableArray<string> Tensors, bool IsWhole)
{
    internal const string ConfigFileName = "adapter_config.json";

    // Of PEFT, AdapterHub and MLX.
    private static readonly string[] KeysOfModel = ["base_model_name_or_path", "model_name", "model"];
    private static readonly string[] KeysOfKind = ["peft_type", "fine_tune_type", "config.architecture"];

    /// <summary>The file is called as adapters are.</summary>
    internal static bool IsFileName(string fileName) => fileName.StartsWith("adapter_model", StringComparison.Ordinal)
        || fileName.StartsWith("pytorch_adapter.", StringComparison.Ordinal) || fileName.StartsWith("pytorch_lora_weights.", StringComparison.Ordinal);

    /// <summary>The file is called as torchtune calls adapters: with the number of an epoch.</summary>
    internal static bool IsTorchtuneFileName(string fileName) =>
        fileName.StartsWith("adapter_", StringComparison.Ordinal) && TensorNames.IsNumber(Path.GetFileNameWithoutExtension(fileName)["adapter_".Length..]);

    /// <summary>The file is called as MLX calls adapters, and those that it saves while it trains.</summary>
    internal static bool IsMlxFileName(string fileName) => fileName == MlxFileName || fileName.EndsWith("_" + MlxFileName, StringComparison.Ordinal);

    /// <summary>The last one that MLX saves.</summary>
    internal const string MlxFileName = "adapters.safetensors";

    /// <summary>The model that an adapter's configuration names; null where it names none.</summary>
    internal static string? BasedOnOf(ConfigFacts? config) => KeysOfModel.Select(key => config?.Text(key)).FirstOrDefault(text => text is not null);

    /// <summary>Null where nothing speaks for an adapter.</summary>
    /// <param name="tensors">Names of all tensors.</param>
    /// <param name="entryFileName">The file by which the checkpoint was found.</param>
    /// <param name="model">The configuration of a model; empty where there is none.</param>
    /// <param name="config">The adapter's configuration; null where there is none.</param>
    internal static AdapterFacts? Find(IEnumerable<string> tensors, string entryFileName, ConfigFacts model, ConfigFacts? config)
    {
        string[] all = [.. tensors.Order(StringComparer.Ordinal)];
        string? saidKind = KeysOfKind.Select(key => config?.Text(key)).FirstOrDefault(text => text is not null);
        AdapterNames names = AdapterNames.Of(all);
        // MLX keeps weights that it trained as they are in a file of the same name.
        bool isSaidSo = saidKind != "full" && (IsFileName(entryFileName) || (config is not null && model.IsEmpty && !all.Any(TiedHeads.IsEmbedding)));
        bool isWhole = isSaidSo || names.AreAll;
        if (names.Factors.IsEmpty && !isWhole || !isWhole && names.AreFixedPartOf(model))
        {
            return null;
        }

        return new AdapterFacts(names.Kind ?? KindSaid(saidKind), BasedOnOf(config), isWhole ? [.. all] : names.Factors, isWhole);
    }

    private static string KindSaid(string? type) => type?.ToUpperInvariant() switch
    {
        null or "" => "adapter",
        "LORA" => "LoRA",
        "DORA" => "DoRA",
        "LOHA" => "LoHa",
        "LOKR" => "LoKr",
        "ADALORA" => "AdaLoRA",
        "PROMPT_TUNING" or "MULTITASK_PROMPT_TUNING" or "P_TUNING" => "prompt tuning",
        "PREFIX_TUNING" => "prefix tuning",
        _ => type,
    };
}
