using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>An adapter: factors that change a model, not weights of one.</summary>
/// <param name="Kind">For example <c>LoRA</c>.</param>
/// <param name="BasedOn">The model that it changes, as its configuration names it; null where that is not said.</param>
/// <param name="Tensors">Names of its own tensors.</param>
/// <param name="IsWhole">Nothing but the adapter is there; false where it lies among the weights of a model.</param>
public sealed partial record AdapterFacts(string Kind, string? BasedOn, ImmutableArray<string> Tensors, bool IsWhole)
{
    internal const string ConfigFileName = "adapter_config.json";

    /// <summary>Names speak for an adapter, whose configuration is worth reading.</summary>
    internal static bool MayBe(IEnumerable<string> tensors, string entryFileName) => IsNamedSo(entryFileName) || tensors.Any(name => KindOf(name) is not null);

    private static bool IsNamedSo(string entryFileName) => entryFileName.StartsWith("adapter_model", StringComparison.Ordinal);

    /// <summary>Null where nothing speaks for an adapter.</summary>
    /// <param name="tensors">Names of all tensors.</param>
    /// <param name="entryFileName">The file by which the checkpoint was found.</param>
    /// <param name="config">The adapter's configuration; null where there is none.</param>
    internal static AdapterFacts? Find(IEnumerable<string> tensors, string entryFileName, ConfigFacts? config)
    {
        string[] all = [.. tensors];
        ImmutableArray<string> own = [.. all.Where(name => KindOf(name) is not null).Order(StringComparer.Ordinal)];
        bool isNamedSo = IsNamedSo(entryFileName);
        if (own.IsEmpty && !isNamedSo)
        {
            return null;
        }

        string kind = own.IsEmpty ? Word(config?.Text("peft_type")) : KindOf(own[0])!;
        string? basedOn = config?.Text("base_model_name_or_path");
        // What PEFT saves beside the factors (modules_to_save) has its prefix.
        bool isWhole = isNamedSo || all.All(name => KindOf(name) is not null || name.StartsWith("base_model.model.", StringComparison.Ordinal) && !name.Contains(".base_layer.", StringComparison.Ordinal));
        return new AdapterFacts(kind, basedOn, isWhole ? [.. all.Order(StringComparer.Ordinal)] : own, isWhole);
    }

    /// <summary>What a weights file holds where only names tell; null for no adapter.</summary>
    internal static string? KindOf(string tensor) => AdapterName().Match(tensor) is not { Success: true } match ? null
        : match.Groups["lora"].Success ? "LoRA"
        : match.Groups["loha"].Success ? "LoHa"
        : match.Groups["lokr"].Success ? "LoKr"
        : match.Groups["ia3"].Success ? "IA3"
        : match.Groups["oft"].Success ? "OFT"
        : match.Groups["vera"].Success ? "VeRA"
        : "prompt tuning";

    private static string Word(string? type) => type switch
    {
        null or "" => "adapter",
        "LORA" => "LoRA",
        _ => type,
    };

    [GeneratedRegex(
        @"(?:^|[._])(?:(?<lora>lora_(?:A|B|E|embedding_A|embedding_B|magnitude_vector|down|up|mid)(?:\.|$))|(?<loha>hada_[wt][12](?:_[ab])?$)|(?<lokr>lokr_[wt][12](?:_[ab])?$)"
        + @"|(?<ia3>ia3_l(?:\.|$))|(?<oft>b?oft_[rRsS](?:\.|$))|(?<vera>vera_lambda_[bd](?:\.|$))|(?<prompt>prompt_embeddings$))",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex AdapterName();
}
