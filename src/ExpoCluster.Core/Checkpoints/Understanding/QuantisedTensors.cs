using System.Collections.Immutable;
using System.Text.RegularExpressions;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Finds codes and scales among the tensors of a checkpoint, whichever of its files they lie in.</summary>
/// <remarks>
/// A tensor holds codes if its name says so (<c>qweight</c>), or if its dtype is none that is computed and its module has scales.
/// A dtype alone says nothing: masks and indices are integers too.
/// </remarks>
/// <param name="tensors">Every tensor by name.</param>
/// <param name="isNamed">The configuration names a quantisation.</param>
internal sealed partial class QuantisedTensors(IReadOnlyDictionary<string, CheckpointTensor> tensors, bool isNamed)
{
    /// <summary>Behind the whole name of the codes.</summary>
    private static readonly string[] Endings =
    [
        "_scale_inv", "_scale", "_scales", "_scale_2", "_global_scale", "_zero_point", "_shape", "_g_idx", "_inv_scale",
        ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4", "._scale", "._shift",
    ];

    /// <summary>The scales that a dequantisation of FP8 leaves behind, after the whole name of the weight.</summary>
    private const string InverseScale = "_scale_inv";

    /// <summary>Scales of codes that are stored as numbers, in the module of a weight.</summary>
    private static readonly string[] ScalesBesideNumbers = ["weight_scale", "weight_scales", "weights_scaling_factor", "scales", "wscale", "wscales"];

    /// <summary>What codes are shifted by, in the same module.</summary>
    private static readonly string[] Zeros = ["zero", "zeros", "qzeros", "zero_point", "zero_points", "weight_zero_point"];

    /// <summary>Of the same module as the codes.</summary>
    private static readonly string[] Companions =
    [
        "qzeros", "scales", "g_idx", "perm", "workspace", "s", "s_group", "weight_scale", "weight_scale_inv", "weight_scale_2", "weight_scales", "weight_global_scale",
        "weight_zero_point", "weight_shape", "weight_g_idx", "input_scale", "input_scale_ub", "input_global_scale", "input_zero_point", "input_scale_inv",
        "output_scale", "activation_scale", "act_scale", "scale_weight", "scale_input", "scale", "zero", "zeros", "meta", "SCB", "weight_format", "codebooks", "SU", "SV",
        "centroids", "centroids.weight", "res_centroids.weight", "weight_bias", "suh", "svh", "su", "sv", "mcg", "mul1", "s_channel", "B_meta", "a", "b", "tables", "tables2",
        "q_scale", "q_scale_max", "q_groups", "q_group_map", "q_invperm", "q_perm", "sign_mantissa", "luts", "gaps", "output_positions", "split_positions",
        "pre_quant_scale", "weight_scale_and_zero_point", "_scale", "_shift", "_weight_scale", "_weight_zero_point",
        "zero_point", "zero_points", "bitmask", "shape", "row_offsets", "col_vals", "in_perm", "smooth_factor", "smooth_factor_orig", "proj_down", "proj_up",
        "forward_hadamard_matrix", "backward_hadamard_matrix",
    ];

    /// <summary>Behind the name of an 8-bit weight of RWKV: what its rows and columns are shifted by and multiplied with.</summary>
    private static readonly string[] EndingsOfRwkv = ["_mx", "_rx", "_my", "_ry"];

    private static readonly string[] ExlScales = ["suh", "svh", "su", "sv"];

    private const string UnknownFormat = "codes with scales, of a format unknown here";

    private static readonly string[] WordsOfCompanions = ["scale", "zero", "idx", "shape", "absmax", "codebook", "quant_map", "meta", "mask"];

    private static readonly string[] WordsOfIndices = ["index", "ids", "position"];

    private readonly Dictionary<string, string> formatOf = new(StringComparer.Ordinal);
    private readonly HashSet<string> suspected = new(StringComparer.Ordinal);
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
            .. formatOf.GroupBy(entry => (entry.Value, IsSuspected: suspected.Contains(entry.Key)), entry => entry.Key)
                .Select(group => Gather(group.Key.Value, group) with { IsSuspected = group.Key.IsSuspected })
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
        && (leaf.Contains("scale", StringComparison.Ordinal) || leaf.Contains("scaling", StringComparison.Ordinal)
            || leaf is "absmax" or "nested_absmax" or "SCB" or "s" or "s_group" or "s_channel" or "suh" or "svh" or "a" or "b"
            || EndingsOfRwkv.Any(ending => leaf.EndsWith(ending, StringComparison.Ordinal)));

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

        return candidates.Where(tensors.ContainsKey).Concat(NestedIn(codes)).Concat(leaf is "_data" ? Siblings(owner) : ScalesIn(owner).Concat(GluedTo(owner, leaf)));
    }

    // Whatever a module calls its scales: codes that are taken without one of them would be another weight.
    private IEnumerable<string> ScalesIn(string owner) => owner.Length == 0 ? [] : Siblings(owner).Where(name => NamesScales(TensorNames.LeafOf(name)));

    // weight_mx beside weight.
    private IEnumerable<string> GluedTo(string owner, string leaf) => owner.Length == 0 || !IsCalledWeight(leaf) ? []
        : leaves.Value[owner].Where(other => other.StartsWith(leaf + "_", StringComparison.Ordinal)).Select(other => TensorNames.Beside(owner, other));

    private static bool NamesScales(string leaf) => WordsOfScales().IsMatch(leaf);

    private static bool IsCalledWeight(string leaf) => leaf.Contains("weight", StringComparison.Ordinal);

    // quanto and HQQ keep what belongs to a weight below its name.
    private IEnumerable<string> Siblings(string owner) => leaves.Value[owner].Where(leaf => leaf != "_data").Select(leaf => TensorNames.Beside(owner, leaf));

    private IEnumerable<string> NestedIn(string codes) => leaves.Value[codes].Concat(leaves.Value[codes + ".quant_state"].Select(leaf => "quant_state." + leaf))
        .Select(leaf => TensorNames.Beside(codes, leaf));

    private string? FormatOf(CheckpointTensor tensor)
    {
        string owner = TensorNames.OwnerOf(tensor.Name);
        string leaf = TensorNames.LeafOf(tensor.Name);
        return tensor.Dtype.IsArithmetic() || tensor.Dtype is Dtype.Bool or Dtype.C64
            ? StoredAsNumbers(tensor, owner, leaf)
            : ByName(tensor, owner, leaf) ?? ByScales(tensor, owner, leaf);
    }

    private string? ByName(CheckpointTensor tensor, string owner, string leaf)
    {
        CheckpointTensor? Beside(string name) => tensors.GetValueOrDefault(TensorNames.Beside(owner, name));
        return leaf switch
        {
            "qweight" => Grouped(tensor, owner),
            "weight_packed" => Packed(Beside("weight_scale")),
            "W_q" when IsHqq(tensor, owner) => "HQQ",
            "compressed" when Beside("bitmask") is not null => "sparse (compressed-tensors)",
            "dense_weights" when Beside("row_offsets") is not null || Beside("col_vals") is not null => "SpQR",
            "_data" when Beside("_scale") is not null => "quanto",
            "codes" when Beside("codebooks") is not null => Perhaps(tensor.Name, "AQLM", Beside("scales")),
            "Qidxs" => "QuIP#",
            "indices" when Beside("centroids") is not null || Beside("centroids.weight") is not null =>
                Perhaps(tensor.Name, "VPTQ", Beside("weight_scale") ?? Beside("perm") ?? Beside("res_centroids.weight")),
            "B" when Beside("s_channel") is not null => "QQQ",
            "B" or "B_24" when Beside("s") is not null => "Marlin",
            "trellis" when ExlScales.Any(name => Beside(name) is not null) => "EXL3",
            "q_weight" when Beside("q_scale") is not null => "EXL2",
            "encoded_exponent" when Beside("sign_mantissa") is not null => "DFloat11",
            "weight" when tensor.Dtype == Dtype.I8 && Beside("a") is { } factor && factor.ElementCount <= 1 => "INT8 (SmoothQuant)",
            "blocks" when Beside("scales") is not null => "MXFP4",
            _ when leaf.EndsWith("_qdata", StringComparison.Ordinal) => "torchao",
            _ when leaf.EndsWith("_blocks", StringComparison.Ordinal) && tensors.ContainsKey(ScalesOfBlocks(tensor.Name)) => "MXFP4",
            _ => null,
        };
    }

    private static string ScalesOfBlocks(string name) => name[..^"blocks".Length] + "scales";

    // Names that tables of a plain model have as well: what is equal on both sides is copied, and then its scales are weights.
    private string Perhaps(string name, string format, CheckpointTensor? proof)
    {
        if (proof is null && !isNamed)
        {
            suspected.Add(name);
        }

        return format;
    }

    // Attention may call its matrix for queries so.
    private bool IsHqq(CheckpointTensor tensor, string owner)
    {
        bool Has(string name) => tensors.ContainsKey(TensorNames.Beside(owner, name));
        return !Has("W_k") && !Has("W_v") && (!tensor.Dtype.IsArithmetic() || new[] { "scale", "scales", "zero", "zeros", "meta" }.Any(Has));
    }

    /// <summary>Names of scales that lie beside plain weights: a dequantisation of FP8 left them behind. Other scales may be trained.</summary>
    public ImmutableArray<string> ScalesOfPlainWeights() => isNamed ? [] :
    [
        .. tensors.Values.Where(tensor => tensor.Dtype.IsArithmetic() && !formatOf.ContainsKey(tensor.Name))
            .Select(tensor => tensor.Name + InverseScale).Where(tensors.ContainsKey).Order(StringComparer.Ordinal),
    ];

    // Codes may be stored under a dtype of numbers (bnb_4bit_quant_storage, view_as_float). What lies beside them tells;
    // scales alone do not, for dequantised models may still have them.
    private string? StoredAsNumbers(CheckpointTensor tensor, string owner, string leaf)
    {
        bool Has(string name) => tensors.ContainsKey(TensorNames.Beside(owner, name));
        bool isCertain = isNamed || leaf switch
        {
            "W_q" or "compressed" or "dense_weights" => true,
            "qweight" => Has("qzeros"),
            "weight_packed" => Has("weight_shape"),
            "blocks" => tensors.GetValueOrDefault(TensorNames.Beside(owner, "scales"))?.Dtype.IsArithmetic() == false,
            _ when leaf.EndsWith("_blocks", StringComparison.Ordinal) => tensors.GetValueOrDefault(ScalesOfBlocks(tensor.Name))?.Dtype.IsArithmetic() == false,
            _ => false,
        };
        return tensors.ContainsKey(tensor.Name + ".absmax") || tensors.ContainsKey(tensor.Name + ".quant_map") ? "bitsandbytes, 4 bits"
            : isCertain && ByName(tensor, owner, leaf) is { } format ? format
            : isNamed && HasScalesOfNumbers(tensor, owner, leaf) ? "codes stored as numbers, with scales"
            : null;
    }

    private bool HasScalesOfNumbers(CheckpointTensor tensor, string owner, string leaf)
    {
        bool Has(string name) => tensors.ContainsKey(TensorNames.Beside(owner, name));
        return tensors.ContainsKey(tensor.Name + InverseScale)
            || (leaf == "weight" && (Has("weight_scale") || (tensor.Shape.Length >= 2 && (ScalesBesideNumbers.Any(Has) || (Has("scale") && Zeros.Any(Has))))));
    }

    // GPTQ packs rows, AWQ columns; both have a column of scales for each column of weights.
    private string Grouped(CheckpointTensor codes, string owner)
    {
        CheckpointTensor? Beside(string name) => tensors.GetValueOrDefault(TensorNames.Beside(owner, name));
        bool packsColumns = Beside("g_idx") is null && codes.Shape is [_, var packed] && Beside("scales")?.Shape is [_, var columns] && packed != columns;
        return Beside("wscales") is not null ? "SVDQuant"
            : Beside("forward_hadamard_matrix") is not null || Beside("act_global_scale") is not null ? "FP-Quant"
            : packsColumns ? "AWQ"
            : "GPTQ";
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
            ?? Named(tensor.Name + "_inv_scale") ?? Named(tensor.Name + "_global_scale") ?? Named(tensor.Name + "_scaling") ?? Named(tensor.Name + "_scaling_factor")
            ?? Named(tensor.Name + "s_scaling_factor") ?? Beside("scale_" + leaf) ?? ScaleOfWeight(tensor, owner, leaf);
        if (scale is not null)
        {
            return ByDtype(tensor, scale);
        }

        if (tensor.Shape.Length < 2 || !(MayBeCodes(tensor) || MayBeWideCodes(tensor)) || !HasWordsOfScales(owner, leaf))
        {
            return null;
        }

        return Perhaps(tensor.Name, UnknownFormat, proof: null);
    }

    // Integers that are called a weight are codes if their module has scales, whatever these are called, or numbers with the name of the weight and a word.
    private CheckpointTensor? ScaleOfWeight(CheckpointTensor tensor, string owner, string leaf)
    {
        if (!IsCalledWeight(leaf) || !(leaf == "weight" || MayBeCodes(tensor)))
        {
            return null;
        }

        CheckpointTensor[] scales = [.. ScalesIn(owner).Where(name => name != tensor.Name).Select(name => tensors[name])];
        return scales.FirstOrDefault(scale => TensorNames.LeafOf(scale.Name)[0] is 's' or 'w')
            ?? scales.FirstOrDefault()
            ?? (MayBeCodes(tensor) ? GluedTo(owner, leaf).Select(name => tensors[name]).FirstOrDefault(other => other.Dtype.IsArithmetic()) : null);
    }

    /// <summary>By itself it may hold codes: its dtype is narrow and not computed, and it is no mask and no index.</summary>
    public static bool MayBeCodes(CheckpointTensor tensor) => MayBeCodes(tensor.Name, tensor.Dtype, tensor.Shape);

    /// <inheritdoc cref="MayBeCodes(CheckpointTensor)"/>
    public static bool MayBeCodes(string name, Dtype dtype, ImmutableArray<long> shape) => IsNarrow(dtype, shape.Length) && IsNamedAsCodesMayBe(name, shape);

    /// <summary>A matrix of integers as wide as those of masks and indices, which it is not: codes where the configuration or its module says so.</summary>
    public static bool MayBeWideCodes(CheckpointTensor tensor) =>
        tensor.Dtype is Dtype.I64 or Dtype.U64 && tensor.Shape.Length >= 2 && IsNamedAsCodesMayBe(tensor.Name, tensor.Shape);

    /// <summary>Integers of any width and shape that are no masks and no indices: codes where the configuration says so.</summary>
    public static bool MayBeCodesOfAnyShape(CheckpointTensor tensor) =>
        tensor.Dtype is Dtype.I64 or Dtype.U64 or Dtype.U8 or Dtype.I8 or Dtype.I16 or Dtype.U16 or Dtype.I32 or Dtype.U32
        && tensor.Shape.Length >= 1 && IsNamedAsCodesMayBe(tensor.Name, tensor.Shape);

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
        && leaves.Value[owner].Any(leaf => leaf != codes && NamesScales(leaf));

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

    // scales, weight_scale_inv, wscale, weights_scaling_factor.
    [GeneratedRegex(@"_scale|scale_|(?:^|_)w?(?:scales?|scaling)(?:$|_)|absmax|codebook|qzero", RegexOptions.CultureInvariant)]
    private static partial Regex WordsOfScales();
}
