using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

/// <summary>Checkpoints that cannot be merged tensor by tensor, as people bring them: one error for each kind, whatever the word for all tensors says.</summary>
public sealed class RefusalTests : IDisposable
{
    private const string Q = "model.layers.0.self_attn.q_proj.";
    private const string Down = "model.layers.0.mlp.down_proj.";

    private readonly TemporaryDirectory place = new();

    public static TheoryData<string, string, int, int> Formats => new()
    {
        { "fp8 block", "FP8 with scales per block", 2, 2 },
        { "fp8 scalar", "FP8 with scales per tensor", 1, 2 },
        { "fp8 row", "FP8 with scales per row", 1, 1 },
        { "fp8 row flat", "FP8 with scales per row", 1, 1 },
        { "fp8 experts", "FP8 with scales per block", 1, 1 },
        { "fp8 comfy", "FP8 with scales per tensor", 1, 1 },
        { "gptq", "GPTQ", 1, 1 },
        { "gptq without order", "GPTQ", 1, 1 },
        { "awq", "AWQ", 1, 1 },
        { "bnb 4", "bitsandbytes, 4 bits", 1, 2 },
        { "bnb 4 stored as bf16", "bitsandbytes, 4 bits", 1, 1 },
        { "hqq stored as bf16", "HQQ", 1, 1 },
        { "bnb 8", "bitsandbytes, 8 bits", 1, 1 },
        { "mxfp4", "MXFP4", 1, 1 },
        { "nvfp4", "NVFP4", 1, 3 },
        { "ct nvfp4", "NVFP4 (compressed-tensors)", 1, 2 },
        { "ct packed", "packed integers (compressed-tensors)", 1, 1 },
        { "hqq", "HQQ", 1, 1 },
        { "eetq", "INT8 with scales per row", 1, 1 },
        { "quanto", "quanto", 1, 1 },
        { "mlx", "MLX", 1, 1 },
        { "bitnet", "packed ternary weights (BitNet)", 1, 1 },
        { "aqlm", "AQLM", 1, 1 },
        { "unknown", "codes with scales, of a format unknown here", 1, 1 },
    };

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantised_weights_are_one_error_that_no_word_for_all_tensors_overrides(string form, string format, int weights, int scales)
    {
        WritePlain("plain");
        place.Write("codes/model.safetensors", [.. Of(form), ("model.norm.weight", Dtype.BF16, [8], 1)]);
        string counts = $"{format}, {weights} weight{(weights == 1 ? "" : "s")} and {scales} scale{(scales == 1 ? "" : "s")}";

        foreach ((string one, string other) in new[] { ("codes", "codes"), ("codes", "plain"), ("plain", "codes") })
        {
            foreach (MismatchPolicy word in new[] { MismatchPolicy.Error, MismatchPolicy.CopyAligned, MismatchPolicy.Drop, MismatchPolicy.ExtrapolateCommonRows })
            {
                PlanProblem problem = Assert.Single(Refused(one, other, word).Problems);
                Assert.Equal("EXPO1210", problem.Code);
                Assert.Contains(counts, problem.Message, StringComparison.Ordinal);
                Assert.DoesNotContain("copy-aligned", problem.Advice, StringComparison.Ordinal);
            }

            Assert.Equal("EXPO1210", Refused(one, other, Patterns(("*", MismatchPolicy.CopyAligned))).Code);
        }
    }

    [Fact]
    public void Scales_may_lie_in_another_file_than_their_weights()
    {
        WritePlain("plain");
        place.Write("codes/model-00001-of-00002.safetensors", (Q + "weight", Dtype.F8E4M3, [8, 8], 1));
        place.Write("codes/model-00002-of-00002.safetensors", (Q + "weight_scale_inv", Dtype.F32, [1, 1], 1));
        place.WriteIndex("codes", (Q + "weight", "model-00001-of-00002.safetensors"), (Q + "weight_scale_inv", "model-00002-of-00002.safetensors"));

        Assert.Contains("1 weight and 1 scale", Refused("plain", "codes", MismatchPolicy.CopyAligned).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"quantization_config": {"quant_method": "newest"}}""", "newest")]
    [InlineData("""{"text_config": {"quantization_config": {"quant_method": "newest"}}}""", "newest")]
    public void A_format_that_only_the_configuration_tells_is_refused_by_its_name(string config, string name)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("a.weight_codes", Dtype.U8, [8, 8], 1), ("b", Dtype.BF16, [8], 1));
            place.Write(side + "/config.json", config);
        }

        PlanningException refused = Refused("base", "aligned", MismatchPolicy.Error);
        Assert.Equal("EXPO1210", refused.Code);
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_names_every_code_and_every_scale_has_them_copied_and_the_rest_computed()
    {
        (string, Dtype, long[], byte)[] rest = [("model.norm.weight", Dtype.BF16, [800], 1)];
        place.Write("base/model.safetensors", [.. Of("fp8 block"), .. rest]);
        place.Write("aligned/model.safetensors", [.. Of("fp8 block"), .. rest]);

        Plan plan = PlanOf("base", "aligned", Patterns(("model.layers.*", MismatchPolicy.CopyAligned))).Plan;

        Assert.Equal(
            [TensorAction.CopyAligned, TensorAction.CopyAligned, TensorAction.CopyAligned, TensorAction.CopyAligned, TensorAction.Extrapolate],
            plan.Files[0].Tensors.OrderBy(tensor => tensor.Entry.Name, StringComparer.Ordinal).Select(tensor => tensor.Action));
        Assert.Equal("EXPO1210", Refused("base", "aligned", Patterns(("*.weight", MismatchPolicy.CopyAligned))).Code);
        Assert.Equal("EXPO1210", Refused("base", "aligned", Patterns(("*.weight", MismatchPolicy.CopyAligned), ("*_inv", MismatchPolicy.Drop))).Code);
    }

    [Fact]
    public void What_only_looks_a_little_like_codes_is_merged_as_before()
    {
        (string, Dtype, long[], byte)[] model =
        [
            ("h.0.attn.bias", Dtype.U8, [1, 1, 8, 8], 1), ("h.0.attn.scale", Dtype.F32, [1], 1), ("h.0.attn.weight", Dtype.BF16, [8, 8], 1), ("logit_scale", Dtype.F32, [], 1),
            ("ids", Dtype.I64, [2, 2], 1), ("model.layers.0.self_attn.k_scale", Dtype.F32, [], 1), ("table", Dtype.I32, [4, 4], 1), ("mask", Dtype.Bool, [4, 4], 1),
            ("x.scales", Dtype.F32, [4], 1), ("x.weight", Dtype.F32, [4, 4], 1), ("cast.weight", Dtype.F8E4M3, [4, 4], 1),
        ];
        place.Write("base/model.safetensors", model);
        place.Write("aligned/model.safetensors", model);

        Assert.Equal(model.Length, PlanOf("base", "aligned", MismatchPolicy.Error).Plan.Files[0].Tensors.Length);
    }

    [Theory]
    [InlineData("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", "LoRA", true)]
    [InlineData("base_model.model.x.lora_A.default.weight", "base_model.model.x.lora_magnitude_vector", "LoRA", true)]
    [InlineData("lora_unet_down_blocks_0.lora_down.weight", "lora_unet_down_blocks_0.lora_up.weight", "LoRA", false)]
    [InlineData("base_model.model.x.hada_w1_a", "base_model.model.x.hada_w1_b", "LoHa", false)]
    [InlineData("base_model.model.x.ia3_l", "base_model.model.y.ia3_l", "IA3", false)]
    public void Adapters_are_one_error_that_says_what_they_are_based_on(string a, string b, string kind, bool hasConfig)
    {
        WritePlain("plain");
        place.Write("adapter/adapter_model.safetensors", (a, Dtype.F32, [4, 8], 1), (b, Dtype.F32, [8, 4], 1));
        if (hasConfig)
        {
            place.Write("adapter/adapter_config.json", """{"peft_type": "LORA", "base_model_name_or_path": "org/big", "r": 4}""");
        }

        foreach ((string one, string other) in new[] { ("adapter", "adapter"), ("adapter", "plain"), ("plain", "adapter") })
        {
            PlanProblem problem = Assert.Single(Refused(one, other, MismatchPolicy.CopyAligned).Problems);
            Assert.Equal("EXPO1211", problem.Code);
            Assert.Contains(hasConfig ? $"({kind}) based on org/big" : $"({kind})", problem.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Weights_without_elements_are_refused_with_their_likely_cause(bool inBase, bool inAligned)
    {
        Write("base", inBase ? 0 : 8);
        Write("aligned", inAligned ? 0 : 8);

        PlanningException refused = Refused("base", "aligned", MismatchPolicy.CopyAligned);

        Assert.Equal("EXPO1212", Assert.Single(refused.Problems).Code);
        Assert.Contains("ZeRO-3", refused.Message, StringComparison.Ordinal);
        Assert.Contains("2 tensors", refused.Message, StringComparison.Ordinal);
        void Write(string side, long rows) => place.Write(
            side + "/model.safetensors", ("model.layers.0.a.weight", Dtype.BF16, rows == 0 ? [0] : [8, 8], 1), ("model.layers.1.a.weight", Dtype.BF16, rows == 0 ? [0] : [8, 8], 1), ("n", Dtype.BF16, [4], 1));
    }

    [Fact]
    public void What_is_empty_and_no_weight_is_fine()
    {
        place.Write("base/model.safetensors", ("extra_state", Dtype.F32, [0], 1), ("w", Dtype.BF16, [4], 1));
        place.Write("aligned/model.safetensors", ("extra_state", Dtype.F32, [0], 1), ("w", Dtype.BF16, [4], 1));

        Assert.Equal(2, PlanOf("base", "aligned", MismatchPolicy.Error).Plan.Files[0].Tensors.Length);
    }

    [Theory]
    [InlineData("model.layers.0.block_sparse_moe.experts.0.w1.weight", true)]
    [InlineData("model.layers.0.mlp.experts.gate_up_proj", false)]
    public void Experts_of_a_layer_that_predicts_further_tokens_do_not_hide_those_of_others(string inAligned, bool isRefused)
    {
        const string Single = "model.layers.1.mlp.experts.0.gate_proj.weight";
        place.Write("base/model.safetensors", ("model.layers.0.mlp.experts.gate_up_proj", Dtype.BF16, [2, 4, 4], 1), (Single, Dtype.BF16, [4, 4], 1));
        place.Write("aligned/model.safetensors", (inAligned, Dtype.BF16, isRefused ? [4, 4] : [2, 4, 4], 1), (Single, Dtype.BF16, [4, 4], 1));

        if (!isRefused)
        {
            Assert.Equal(2, PlanOf("base", "aligned", MismatchPolicy.Error).Plan.Files[0].Tensors.Count(tensor => tensor.Action == TensorAction.Extrapolate));
            return;
        }

        PlanProblem problem = Assert.Single(Refused("base", "aligned", MismatchPolicy.Error).Problems);
        Assert.Equal("EXPO1213", problem.Code);
        Assert.DoesNotContain("layers.1", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.layers.0.mlp.experts.gate_up_proj", "model.layers.0.mlp.experts.0.gate_proj.weight")]
    [InlineData("model.layers.0.mlp.experts.down_proj", "model.layers.0.block_sparse_moe.experts.1.w2.weight")]
    [InlineData("model.language_model.layers.0.mlp.experts.gate_up_proj", "model.layers.0.mlp.experts.0.up_proj.weight")]
    public void Experts_that_only_one_side_stores_together_are_one_error(string fused, string single)
    {
        place.Write("base/model.safetensors", (single, Dtype.BF16, [8, 4], 1), ("n", Dtype.BF16, [400], 1));
        place.Write("aligned/model.safetensors", (fused, Dtype.BF16, [2, 8, 4], 1), ("n", Dtype.BF16, [400], 1));

        foreach ((string one, string other) in new[] { ("base", "aligned"), ("aligned", "base") })
        {
            PlanProblem problem = Assert.Single(Refused(one, other, MismatchPolicy.CopyAligned).Problems);
            Assert.Equal("EXPO1213", problem.Code);
            Assert.Contains("in one tensor", problem.Message, StringComparison.Ordinal);
        }
    }

    private static (string Name, Dtype Dtype, long[] Shape, byte Fill)[] Of(string form) => form switch
    {
        "fp8 block" => [(Q + "weight", Dtype.F8E4M3, [8, 8], 1), (Q + "weight_scale_inv", Dtype.F32, [1, 1], 1), (Down + "weight", Dtype.F8E4M3, [8, 8], 1), (Down + "weight_scale_inv", Dtype.F32, [1, 1], 1)],
        "fp8 scalar" => [(Q + "weight", Dtype.F8E4M3, [8, 8], 1), (Q + "weight_scale", Dtype.F32, [], 1), (Q + "input_scale", Dtype.F32, [], 1)],
        "fp8 row" => [(Q + "weight", Dtype.F8E5M2, [8, 8], 1), (Q + "weight_scale", Dtype.BF16, [8, 1], 1)],
        "fp8 row flat" => [(Q + "weight", Dtype.F8E4M3, [8, 8], 1), (Q + "weight_scale", Dtype.F32, [8], 1)],
        "fp8 experts" => [("model.layers.0.mlp.experts.gate_up_proj", Dtype.F8E4M3, [2, 8, 8], 1), ("model.layers.0.mlp.experts.gate_up_proj_scale_inv", Dtype.F32, [2, 2, 1], 1)],
        "fp8 comfy" => [("blocks.0.ff.weight", Dtype.F8E4M3, [8, 8], 1), ("blocks.0.ff.scale_weight", Dtype.F32, [], 1)],
        "gptq" => [(Q + "qweight", Dtype.I32, [1, 8], 1), (Q + "qzeros", Dtype.I32, [1, 1], 1), (Q + "scales", Dtype.F16, [1, 8], 1), (Q + "g_idx", Dtype.I32, [8], 1)],
        "gptq without order" => [(Q + "qweight", Dtype.I32, [1, 8], 1), (Q + "qzeros", Dtype.I32, [1, 1], 1), (Q + "scales", Dtype.F16, [1, 8], 1)],
        "awq" => [(Q + "qweight", Dtype.I32, [8, 1], 1), (Q + "qzeros", Dtype.I32, [1, 1], 1), (Q + "scales", Dtype.F16, [1, 8], 1)],
        "bnb 4" =>
        [
            (Q + "weight", Dtype.U8, [32, 1], 1), (Q + "weight.absmax", Dtype.U8, [1], 1), (Q + "weight.quant_map", Dtype.F32, [16], 1), (Q + "weight.nested_absmax", Dtype.F32, [1], 1),
            (Q + "weight.nested_quant_map", Dtype.F32, [256], 1), (Q + "weight.quant_state.bitsandbytes__nf4", Dtype.U8, [80], 1),
        ],
        "bnb 4 stored as bf16" => [(Q + "weight", Dtype.BF16, [32, 1], 1), (Q + "weight.absmax", Dtype.U8, [1], 1), (Q + "weight.quant_map", Dtype.F32, [16], 1)],
        "hqq stored as bf16" => [(Q + "W_q", Dtype.BF16, [8, 8], 1), (Q + "scale", Dtype.BF16, [8, 1], 1), (Q + "zero", Dtype.BF16, [8, 1], 1)],
        "bnb 8" => [(Q + "weight", Dtype.I8, [8, 8], 1), (Q + "SCB", Dtype.F32, [8], 1), (Q + "weight_format", Dtype.U8, [], 1)],
        "mxfp4" => [("model.layers.0.mlp.experts.gate_up_proj_blocks", Dtype.U8, [2, 8, 1, 16], 1), ("model.layers.0.mlp.experts.gate_up_proj_scales", Dtype.U8, [2, 8, 1], 1)],
        "nvfp4" => [(Q + "weight", Dtype.U8, [8, 8], 1), (Q + "weight_scale", Dtype.F8E4M3, [8, 1], 1), (Q + "weight_scale_2", Dtype.F32, [], 1), (Q + "input_scale", Dtype.F32, [], 1)],
        "ct nvfp4" => [(Q + "weight_packed", Dtype.U8, [8, 8], 1), (Q + "weight_scale", Dtype.F8E4M3, [8, 1], 1), (Q + "weight_global_scale", Dtype.F32, [1], 1)],
        "ct packed" => [(Q + "weight_packed", Dtype.I32, [8, 1], 1), (Q + "weight_scale", Dtype.BF16, [8, 1], 1), (Q + "weight_shape", Dtype.I64, [2], 1), (Q + "weight_zero_point", Dtype.I32, [1, 1], 1)],
        "hqq" => [(Q + "W_q", Dtype.U8, [8, 8], 1), (Q + "scale", Dtype.BF16, [8, 1], 1), (Q + "zero", Dtype.BF16, [8, 1], 1)],
        "eetq" => [(Q + "weight", Dtype.I8, [8, 8], 1), (Q + "weight_scales", Dtype.F16, [8], 1)],
        "quanto" => [(Q + "weight._data", Dtype.I8, [8, 8], 1), (Q + "weight._scale", Dtype.BF16, [8, 1], 1)],
        "mlx" => [(Q + "weight", Dtype.U32, [8, 1], 1), (Q + "scales", Dtype.F16, [8, 1], 1), (Q + "biases", Dtype.F16, [8, 1], 1)],
        "bitnet" => [(Q + "weight", Dtype.U8, [2, 8], 1), (Q + "weight_scale", Dtype.BF16, [1], 1)],
        "aqlm" => [(Q + "codes", Dtype.I16, [8, 1, 1], 1), (Q + "codebooks", Dtype.F16, [1, 8, 1, 8], 1), (Q + "scales", Dtype.F16, [8, 1, 1, 1], 1)],
        _ => [(Q + "trits", Dtype.U8, [8, 8], 1), (Q + "row_scale", Dtype.F16, [8], 1)],
    };

    private static MismatchRule.ByPattern Patterns(params (string Match, MismatchPolicy Policy)[] entries) =>
        new(new TensorPatterns<MismatchPolicy>([.. entries.Select(entry => new TensorPattern<MismatchPolicy>(entry.Match, entry.Policy))]));

    private void WritePlain(string side) => place.Write(side + "/model.safetensors", (Q + "weight", Dtype.BF16, [8, 8], 1), ("model.norm.weight", Dtype.BF16, [8], 1));

    private PlannedMerge PlanOf(string one, string other, MismatchRule rule) =>
        Planner.Plan(new Recipe { Base = place.PathOf(one), Aligned = place.PathOf(other), Alpha = 0.3, OnMismatch = rule });

    private PlanningException Refused(string one, string other, MismatchRule rule) => Assert.Throws<PlanningException>(() => PlanOf(one, other, rule));
}
