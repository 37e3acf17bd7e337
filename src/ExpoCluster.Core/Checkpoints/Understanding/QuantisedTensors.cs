using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Finds codes and scales among the tensors of a checkpoint, whichever of its files they lie in.</summary>
/// <remarks>
/// A tensor holds codes if its name says so (<c>qweight</c>), or if its dtype is none that is computed and its module has scales.
/// A dtype alone says nothing: masks and indices are integers too.
/// </remarks>
/// <param name="tensors">Every tensor by name.</param>
/// <param name="isNamed">The configuration names a quantisation.</param>
internal sealed class QuantisedTensors(IReadOnlyDictionary<string, CheckpointTensor> tensors, bool isNamed)
{
    /// <summary>Behind the whole name of the codes.</summary>
    private static readonly string[] Endings =
    [
        "_scale_inv", "_scale", "_scales", "_scale_2", "_global_scale", "_zero_point", "_shape", "_g_idx", "_inv_scale",
        ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4", "._scale", "._shift",
    ];

    /// <summary>Scales of codes that are stored as numbers, behind the whole name of these.</summary>
    private static readonly (string Weight, string Scale)[] EndingsBesideNumbers = [("", "_scale_inv"), ("weight", "_scale")];

    /// <summary>Of the same module as the codes.</summary>
    private static readonly string[] Companions =
    [
        "qzeros", "scales", "g_idx", "perm", "workspace", "s", "s_group", "weight_scale", "weight_scale_inv", "weight_scale_2", "weight_scales", "weight_global_scale",
        "weight_zero_point", "weight_shape", "weight_g_idx", "input_scale", "input_scale_ub", "input_global_scale", "input_zero_point", "input_scale_inv",
        "output_scale", "activation_scale", "act_scale", "scale_weight", "scale_input", "scale", "zero", "zeros", "meta", "SCB", "weight_format", "codebooks", "SU", "SV",
        "centroids", "centroids.weight", "res_centroids.weight", "weight_bias", "suh", "svh", "su", "sv", "mcg", "mul1", "s_channel", "B_meta", "a", "b", "tables", "tables2",
        "q_scale", "q_scale_max", "q_groups", "q_group_map", "q_invperm", "q_perm", "sign_mantissa", "luts", "gaps", "output_positions", "split_positions",
        "pre_quant_scale", "weight_scale_and_zero_point", "_scale", "_shift", "_weight_scale", "_weight_zero_point",
    ];

    private static readonly string[] ExlScales = ["suh", "svh", "su", "sv"];

    private const string UnknownFormat = "codes with scales, of a format unknown here";

    private static readonly string[] WordsOfScales = ["_scale", "scale_", "absmax", "codebook", "qzero"];

    private static readonly string[] WordsOfCompanions = ["scale", "zero", "idx", "shape", "absmax", "codebook", "quant_map", "meta", "mask"];

    private static readonly string[] WordsOfIndices = ["index", "ids", "position"];

    private readonly Dictionary<string, string> formatOf = new(StringComparer.Ordinal);
    private readonly Lazy<ILookup<string, string>> leaves = new(() => tensors.Keys.ToLookup(TensorNames.OwnerOf, TensorNames.LeafOf, StringComparer.Ordinal));

    /// <summary>Every format that there is, the one with most weights first.</summary>
    public ImmutableArray<QuantisedFormat> Find()
    {
        foreach (CheckpointTensor tensor in tensors.Values)
        {
            if (FormatOf(tensor) is { } format)
            {
                formatOf[tensor.Name] = format;
            }
        }

        return
        [
            .. formatOf.GroupBy(entry => entry.Value, entry => entry.Key, StringComparer.Ordinal)
                .Select(group => Gather(group.Key, group))
                .OrderByDescending(format => format.Weights.Length)
                .ThenBy(format => format.Name, StringComparer.Ordinal),
        ];
    }

    private QuantisedFormat Gather(string name, IEnumerable<string> codes)
    {
        string[] weights = [.. codes.Order(StringComparer.Ordinal)];
        HashSet<string> companions = new(weights.SelectMany(CompanionsOf), StringComparer.Ordinal);
        companions.ExceptWith(formatOf.Keys);
        ILookup<bool, string> byRole = companions.Order(StringComparer.Ordinal).ToLookup(IsScale);
        return new QuantisedFormat(name, [.. weights], [.. byRole[true]], [.. byRole[false]]);
    }

    private static bool IsScale(string name) => TensorNames.LeafOf(name) is var leaf
        && (leaf.Contains("scale", StringComparison.Ordinal) || leaf is "absmax" or "nested_absmax" or "SCB" or "s" or "s_group" or "s_channel" or "suh" or "svh" or "a" or "b");

    private IEnumerable<string> CompanionsOf(string codes)
    {
        string owner = TensorNames.OwnerOf(codes);
        string leaf = TensorNames.LeafOf(codes);
        IEnumerable<string> candidates = Endings.Select(ending => codes + ending)
            .Concat(Companions.Select(companion => TensorNames.Beside(owner, companion)))
            .Append(TensorNames.Beside(owner, "scale_" + leaf));
        if (leaf.EndsWith("_blocks", StringComparison.Ordinal))
        {
            candidates = candidates.Append(codes[..^"_blocks".Length] + "_scales");
        }

        // MLX calls its zero points biases; elsewhere that is a weight.
        if (tensors[codes].Dtype == Dtype.U32)
        {
            candidates = candidates.Append(TensorNames.Beside(owner, "biases"));
        }

        if (leaf == "weight_packed")
        {
            candidates = candidates.Concat(new[] { "weight_scale", "weight_shape" }.Select(companion => TensorNames.Beside(owner, companion)));
        }

        return candidates.Where(tensors.ContainsKey).Concat(NestedIn(codes)).Concat(leaf is "_data" ? Siblings(owner) : formatOf[codes] == UnknownFormat ? Siblings(owner).Where(name => WordsOfScales.Any(word => name.Contains(word, StringComparison.Ordinal))) : []);
    }

    // quanto and HQQ keep what belongs to a weight below its name.
    private IEnumerable<string> Siblings(string owner) => leaves.Value[owner].Where(leaf => leaf != "_data").Select(leaf => TensorNames.Beside(owner, leaf));

    private IEnumerable<string> NestedIn(string codes) => leaves.Value[codes].Concat(leaves.Value[codes + ".quant_state"].Select(leaf => "quant_state." + leaf))
        .Select(leaf => TensorNames.Beside(codes, leaf));

    private string? FormatOf(CheckpointTensor tensor)
    {
        string owner = TensorNames.OwnerOf(tensor.Name);
        string leaf = TensorNames.LeafOf(tensor.Name);
        if (tensor.Dtype.IsArithmetic() || tensor.Dtype is Dtype.Bool or Dtype.C64)
        {
            return StoredAsNumbers(tensor.Name, leaf);
        }

        CheckpointTensor? Beside(string name) => tensors.GetValueOrDefault(TensorNames.Beside(owner, name));
        return leaf switch
        {
            "qweight" => Grouped(tensor, Beside("scales"), Beside("g_idx") is not null),
            "weight_packed" => Packed(Beside("weight_scale")),
            "W_q" => "HQQ",
            "_data" when Beside("_scale") is not null => "quanto",
            "codes" when Beside("codebooks") is not null => "AQLM",
            "Qidxs" => "QuIP#",
            "indices" when Beside("centroids") is not null || Beside("centroids.weight") is not null => "VPTQ",
            "B" when Beside("s_channel") is not null => "QQQ",
            "B" or "B_24" when Beside("s") is not null => "Marlin",
            "trellis" when ExlScales.Any(name => Beside(name) is not null) => "EXL3",
            "q_weight" when Beside("q_scale") is not null => "EXL2",
            "encoded_exponent" when Beside("sign_mantissa") is not null => "DFloat11",
            "weight" when tensor.Dtype == Dtype.I8 && Beside("a") is { } factor && factor.ElementCount <= 1 => "INT8 (SmoothQuant)",
            "blocks" when Beside("scales") is not null => "MXFP4",
            _ when leaf.EndsWith("_qdata", StringComparison.Ordinal) => "torchao",
            _ when leaf.EndsWith("_blocks", StringComparison.Ordinal) && tensors.ContainsKey(tensor.Name[..^"_blocks".Length] + "_scales") => "MXFP4",
            _ => ByScales(tensor, owner, leaf),
        };
    }

    /// <summary>Names of scales that lie beside plain weights: a dequantisation left them behind.</summary>
    public ImmutableArray<string> ScalesOfPlainWeights() => isNamed ? [] :
    [
        .. tensors.Values.Where(tensor => tensor.Dtype.IsArithmetic() && !formatOf.ContainsKey(tensor.Name))
            .SelectMany(tensor => ScalesOfNumbers(tensor.Name)).Order(StringComparer.Ordinal),
    ];

    // Codes may be stored under a dtype of numbers (bnb_4bit_quant_storage, view_as_float). What lies beside them tells;
    // scales alone do not, for dequantised models may still have them.
    private string? StoredAsNumbers(string name, string leaf) =>
        leaf == "W_q" ? "HQQ"
        : tensors.ContainsKey(name + ".absmax") || tensors.ContainsKey(name + ".quant_map") ? "bitsandbytes, 4 bits"
        : isNamed && ScalesOfNumbers(name).Any() ? "codes stored as numbers, with scales"
        : null;

    private IEnumerable<string> ScalesOfNumbers(string name) => EndingsBesideNumbers.Where(ending => name.EndsWith(ending.Weight, StringComparison.Ordinal))
        .Select(ending => name + ending.Scale).Where(tensors.ContainsKey);

    // GPTQ packs rows, AWQ columns; both have a column of scales for each column of weights.
    private static string Grouped(CheckpointTensor codes, CheckpointTensor? scales, bool hasOrder)
    {
        bool packsColumns = !hasOrder && codes.Shape is [_, var packed] && scales?.Shape is [_, var columns] && packed != columns;
        return packsColumns ? "AWQ" : "GPTQ";
    }

    private static string Packed(CheckpointTensor? scales) => scales?.Dtype switch
    {
        Dtype.F8E4M3 => "NVFP4 (compressed-tensors)",
        Dtype.U8 or Dtype.F8E8M0 => "MXFP4 (compressed-tensors)",
        _ => "packed integers (compressed-tensors)",
    };

    private string? ByScales(CheckpointTensor tensor, string owner, string leaf)
    {
        CheckpointTensor? Named(string name) => tensors.GetValueOrDefault(name);
        CheckpointTensor? Beside(string name) => Named(TensorNames.Beside(owner, name));
        if (Named(tensor.Name + ".absmax") is not null || Named(tensor.Name + ".quant_map") is not null)
        {
            return "bitsandbytes, 4 bits";
        }

        if (tensor.Dtype == Dtype.I8 && Beside("SCB") is not null)
        {
            return "bitsandbytes, 8 bits";
        }

        CheckpointTensor? scale = Named(tensor.Name + "_scale_inv") ?? Named(tensor.Name + "_scale") ?? Named(tensor.Name + "_scales")
            ?? Named(tensor.Name + "_inv_scale") ?? Named(tensor.Name + "_global_scale") ?? Beside("scale_" + leaf) ?? (leaf == "weight" ? Beside("scales") ?? Beside("scale") : null);
        return scale is not null ? ByDtype(tensor, scale)
            : tensor.Shape.Length >= 2 && (MayBeCodes(tensor) || MayBeWideCodes(tensor)) && HasWordsOfScales(owner, leaf) ? UnknownFormat
            : null;
    }

    /// <summary>By itself it may hold codes: its dtype is narrow and not computed, and it is no mask and no index.</summary>
    public static bool MayBeCodes(CheckpointTensor tensor) => MayBeCodes(tensor.Name, tensor.Dtype, tensor.Shape);

    /// <inheritdoc cref="MayBeCodes(CheckpointTensor)"/>
    public static bool MayBeCodes(string name, Dtype dtype, ImmutableArray<long> shape) => IsNarrow(dtype, shape.Length) && IsNamedAsCodesMayBe(name, shape);

    /// <summary>A matrix of integers as wide as those of masks and indices, which it is not: codes where the configuration or its module says so.</summary>
    public static bool MayBeWideCodes(CheckpointTensor tensor) =>
        tensor.Dtype is Dtype.I64 or Dtype.U64 && tensor.Shape.Length >= 2 && IsNamedAsCodesMayBe(tensor.Name, tensor.Shape);

    // Eight bits with a point are codes whatever their shape; vectors of integers are indices and shapes.
    private static bool IsNarrow(Dtype dtype, int dimensions) => dtype switch
    {
        Dtype.F4 or Dtype.F6E2M3 or Dtype.F6E3M2 or Dtype.F8E5M2 or Dtype.F8E4M3 or Dtype.F8E8M0 or Dtype.F8E4M3Fnuz or Dtype.F8E5M2Fnuz => true,
        Dtype.U8 or Dtype.I8 or Dtype.I16 or Dtype.U16 or Dtype.I32 or Dtype.U32 => dimensions >= 2,
        _ => false,
    };

    private static bool IsNamedAsCodesMayBe(string name, ImmutableArray<long> shape) => !DerivedBuffers.Includes(name, shape)
        && TensorNames.LeafOf(name) is var leaf
        && !WordsOfCompanions.Concat(WordsOfIndices).Any(word => leaf.Contains(word, StringComparison.Ordinal));

    private bool HasWordsOfScales(string owner, string codes) =>
        owner.Length > 0
        && tensors.GetValueOrDefault(TensorNames.Beside(owner, "weight"))?.Dtype.IsArithmetic() != true
        && leaves.Value[owner].Any(leaf => leaf != codes && WordsOfScales.Any(word => leaf.Contains(word, StringComparison.Ordinal)));

    private static string? ByDtype(CheckpointTensor codes, CheckpointTensor scale) => codes.Dtype switch
    {
        Dtype.F8E4M3 or Dtype.F8E5M2 or Dtype.F8E4M3Fnuz or Dtype.F8E5M2Fnuz => $"FP8 with scales {Granularity(codes, scale)}",
        Dtype.U8 or Dtype.I8 or Dtype.F4 when scale.Dtype == Dtype.F8E4M3 => "NVFP4",
        Dtype.U8 or Dtype.F4 when scale.Dtype is Dtype.F8E8M0 or Dtype.U8 => "MXFP4",
        Dtype.I8 => $"INT8 with scales {Granularity(codes, scale)}",
        Dtype.U32 => "MLX",
        Dtype.U8 when scale.ElementCount <= 1 => "packed ternary weights (BitNet)",
        Dtype.I64 or Dtype.U64 when !MayBeWideCodes(codes) => null,
        _ => $"{codes.Dtype.Name()} codes with scales",
    };

    private static string Granularity(CheckpointTensor codes, CheckpointTensor scale) => scale.ElementCount switch
    {
        <= 1 when !scale.Name.EndsWith("_scale_inv", StringComparison.Ordinal) => "per tensor",
        _ when codes.Shape is [var rows, ..] && scale.Shape.Length is 1 or 2 && scale.Shape[0] == rows && scale.Shape[^1] is var last && (scale.Shape.Length == 1 || last == 1) => "per row",
        _ when scale.Shape.Length == codes.Shape.Length && codes.Shape.Length >= 2 => "per block",
        _ => "per group",
    };
}
