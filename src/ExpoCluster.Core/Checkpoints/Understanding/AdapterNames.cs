using System.Collections.Immutable;
using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>What the names of tensors say of adapters.</summary>
internal sealed partial class AdapterNames
{
    // Saved beside the factors of a module.
    private static readonly string[] Companions = ["alpha", "scale", "dora_scale", "rank", "norm_scale", "magnitude"];

    // PEFT's name for an adapter to which nobody gave one.
    private const string DefaultName = "default";

    // Of a model's architecture. lora_r, lora_alpha, lora_dropout and the like are how somebody trained.
    private static readonly string[] KeysOfFixedParts = ["lora", "lora_rank", "lora_adaptations"];

    // A control-LoRA says by this tensor that its up and down are factors.
    private const string ControlLoraName = "lora_controlnet";

    private readonly string[] rest;

    private AdapterNames(ImmutableArray<string> factors, string[] rest, string? kind, bool areAll)
    {
        Factors = factors;
        this.rest = rest;
        Kind = kind;
        AreAll = areAll;
    }

    /// <summary>Names of an adapter's own tensors.</summary>
    public ImmutableArray<string> Factors { get; }

    /// <summary>For example <c>LoRA</c>; null where no name tells.</summary>
    public string? Kind { get; }

    /// <summary>There is nothing else.</summary>
    public bool AreAll { get; }

    /// <param name="all">Every name, in order.</param>
    public static AdapterNames Of(IReadOnlyCollection<string> all)
    {
        // Each name is looked at once, for there may be a hundred thousand.
        Dictionary<string, string> moduleOf = all.Select(name => (name, Module: ModuleOf(name))).Where(row => row.Module is not null).ToDictionary(row => row.name, row => row.Module!, StringComparer.Ordinal);
        HashSet<string> modules = new(moduleOf.Values, StringComparer.Ordinal);
        ILookup<bool, string> byRole = all.ToLookup(name => moduleOf.ContainsKey(name) || KohyaName().IsMatch(name)
            || (Companions.Contains(TensorNames.LeafOf(name), StringComparer.Ordinal) && modules.Contains(TensorNames.OwnerOf(name))));
        // What PEFT saves beside the factors (modules_to_save) has its prefix. Some names mean adapters only where nothing else is there: models have such parts too.
        bool areAll = all.Count > 0 && byRole[false].All(name => IsPlainName(name) || (name.StartsWith("base_model.model.", StringComparison.Ordinal) && !name.Contains(".base_layer.", StringComparison.Ordinal)));
        areAll &= byRole[true].Any() || byRole[false].Any(IsPlainName);
        areAll |= all.Contains(ControlLoraName, StringComparer.Ordinal) || AreOfPeft(all);
        string? kind = byRole[true].Select(KindOf).FirstOrDefault(found => found is not null) ?? (byRole[true].Any() ? "LoRA" : null)
            ?? (areAll ? byRole[false].Select(PlainKindOf).FirstOrDefault(found => found is not null) : null);
        return new AdapterNames([.. byRole[true]], [.. byRole[false]], kind, areAll);
    }

    // A model that training saved under PEFT's prefix has weights; an adapter has what its method calls its factors.
    private static bool AreOfPeft(IReadOnlyCollection<string> all) => all.Count > 0
        && all.All(name => name.StartsWith("base_model.", StringComparison.Ordinal) && TensorNames.LeafOf(name).Contains('_', StringComparison.Ordinal));

    /// <summary>The factors are a part of the model, which its configuration names, and beside each of them lies the weight that it adds to.</summary>
    public bool AreFixedPartOf(ConfigFacts model)
    {
        HashSet<string> owners = [.. rest.Select(TensorNames.OwnerOf)];
        HashSet<string> aboveBase = [.. rest.Where(name => name.Contains(".base_layer.", StringComparison.Ordinal)).Select(name => TensorNames.OwnerOf(TensorNames.OwnerOf(name)))];
        bool areNamed = Factors.All(name => FactorName().Match(name).Groups["name"].Length > 0);
        return Factors.All(name => ModuleOf(name) is { } module
                && (areNamed || module.Contains(".parametrizations.", StringComparison.Ordinal))
                && (owners.Contains(module) || aboveBase.Contains(module) || (module.Contains(".parametrizations.", StringComparison.Ordinal) && owners.Contains(TensorNames.OwnerOf(module)))))
            && Factors.Select(name => FactorName().Match(name).Groups["name"].Value).Distinct(StringComparer.Ordinal).All(name => IsNamedBy(model, name));
    }

    private static bool IsNamedBy(ConfigFacts model, string adapter) => adapter switch
    {
        DefaultName => false,
        "" => model.Values.Keys.Any(path => KeysOfFixedParts.Contains(ConfigFacts.LastKeyOf(path).ToString(), StringComparer.Ordinal)),
        _ => new[] { adapter + "_lora", "lora_" + adapter }.Any(key => model.ObjectsNamed(key).Any() || model.Named(key).Any()),
    };

    /// <summary>The module that a factor changes; null for what is no factor.</summary>
    private static string? ModuleOf(string name) => FactorName().Match(name) is { Success: true } match ? name[..match.Index] : null;

    private static string? KindOf(string name) => FactorName().Match(name) is not { Success: true } match ? null
        : match.Groups["lora"].Success ? "LoRA"
        : match.Groups["loha"].Success ? "LoHa"
        : match.Groups["lokr"].Success ? "LoKr"
        : match.Groups["ia3"].Success ? "IA3"
        : match.Groups["oft"].Success ? "OFT"
        : match.Groups["vera"].Success ? "VeRA"
        : match.Groups["other"].Success ? "adapter"
        : "prompt tuning";

    private static bool IsPlainName(string name) => PlainName().IsMatch(name);

    private static string? PlainKindOf(string name) => PlainName().Match(name) is not { Success: true } match ? null
        : match.Groups["prefix"].Success ? "prefix tuning"
        : match.Groups["prompt"].Success ? "prompt tuning"
        : "bottleneck adapter";

    [GeneratedRegex(
        @"(?:^|[._])(?:(?<lora>(?:[a-z]*lora)_(?:A|B|E|embedding_A|embedding_B|magnitude_vector|down|up|mid|logits_A|logits_B|vector_bank|lambda)(?:\.(?:(?<name>[^.]+)\.(?:weight|bias)$)?|$))"
        + @"|(?<loha>hada_[wt][12](?:_[ab])?$)|(?<lokr>lokr_[wt][12](?:_[ab])?$)|(?<ia3>ia3_l(?:\.|$))|(?<oft>b?oft_(?:[rRsS]|blocks|diag)(?:\.|$))"
        + @"|(?<vera>vera_(?:lambda_[bd]|A|B)(?:\.|$))"
        + @"|(?<other>(?:fourierft_spectrum|waveft_spectrum|randlora_(?:A|B|lambda|gamma)|hra_u|bone_block|miss_block|road_theta|road_alpha|shira_weight|c3a_kernel)(?:\.|$)))"
        + @"|(?:^|\.)(?:(?<lora>lora_[ab](?:\.weight)?$|(?:\w+_)?lora\d*\.(?:down|up)\.|lora_linear_layer\.(?:down|up)\.|dora_scale$|(?:\w+_)?adapter\.linear_(?:in|out)\.)|(?<prompt>prompt_encoder\.[^.]+\.embedding\.weight$|adaption_(?:prompt|gate)$))",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex FactorName();

    // The names of modules, their dots replaced, behind a prefix for the part of the pipeline.
    [GeneratedRegex(@"^(?:lora_(?:unet|te\d?|prior_unet|prior_te|transformer)|lycoris|lllite(?:_[a-z]+)?)_", RegexOptions.CultureInvariant)]
    private static partial Regex KohyaName();

    [GeneratedRegex(
        @"(?:^|\.)(?:(?<prefix>prefix_tunings?\.|prefix_encoder\.)|(?<prompt>prompt_embeddings$|soft_prompts?(?:\.|$)|soft_embeddings?(?:\.|$))|(?<bottleneck>(?:invertible_)?adapters\.|adapter_(?:down|up)(?:\.|$)|loras\.))",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex PlainName();
}
