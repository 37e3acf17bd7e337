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
        { "exl3", "EXL3", 1, 2 },
        { "exl3 packed signs", "EXL3", 1, 1 },
        { "exl2", "EXL2", 1, 2 },
        { "qqq", "QQQ", 1, 2 },
        { "marlin 24", "Marlin", 1, 1 },
        { "mxfp4 of openai", "MXFP4", 1, 1 },
        { "mxfp4 nested", "MXFP4", 1, 1 },
        { "mxfp4 at the top", "MXFP4", 1, 1 },
        { "smoothquant", "INT8 (SmoothQuant)", 1, 2 },
        { "smoothquant without b", "INT8 (SmoothQuant)", 1, 1 },
        { "dfloat11", "DFloat11", 1, 0 },
        { "wide", "I64 codes with scales", 1, 1 },
        { "wide unknown", "codes with scales, of a format unknown here", 1, 1 },
        { "16 bits unknown", "codes with scales, of a format unknown here", 1, 1 },
        { "unknown", "codes with scales, of a format unknown here", 1, 1 },
        { "spqr", "SpQR", 1, 0 },
        { "sparse 24", "sparse (compressed-tensors)", 1, 0 },
        { "modelopt awq", "INT8 with scales per block", 1, 2 },
        { "modelopt fp8", "FP8 with scales per tensor", 1, 2 },
        { "int_weight", "INT8 with scales per row", 1, 1 },
        { "quantized_weight", "U8 codes with scales", 1, 1 },
        { "wscale", "INT8 with scales per row", 1, 1 },
        { "rwkv", "U8 codes with scales", 1, 4 },
        { "fp8 scaling", "FP8 with scales per tensor", 1, 1 },
        { "svdquant", "SVDQuant", 1, 1 },
        { "fp_quant", "FP-Quant", 1, 3 },
        { "gptq viewed as numbers", "GPTQ", 1, 1 },
        { "ct packed viewed as numbers", "packed integers (compressed-tensors)", 1, 1 },
        { "mxfp4 viewed as numbers", "MXFP4", 1, 1 },
    };

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public void Quantised_weights_are_one_error_that_no_word_for_all_tensors_overrides(string form, string format, int weights, int scales)
    {
        WritePlain("plain");
        place.Write("codes/model.safetensors", [.. Of(form), ("model.norm.weight", Dtype.BF16, [8], 1)]);
        place.Write("others/model.safetensors", [.. Of(form).Select(tensor => tensor with { Fill = 2 }), ("model.norm.weight", Dtype.BF16, [8], 1)]);
        string counts = $"{format}, {weights} weight{(weights == 1 ? "" : "s")} and {scales} scale{(scales == 1 ? "" : "s")}";

        foreach ((string one, string other) in new[] { ("codes", "others"), ("codes", "plain"), ("plain", "codes") })
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

    [Theory]
    [InlineData("packed", Dtype.I64, true)]
    [InlineData("packed", Dtype.U64, true)]
    [InlineData("packed", Dtype.I16, true)]
    [InlineData("packed", Dtype.U16, true)]
    [InlineData("offsets", Dtype.I64, true, 40)]
    [InlineData("row_values", Dtype.I32, true, 40)]
    [InlineData("attn_mask", Dtype.I64, false)]
    [InlineData("mask", Dtype.I32, false)]
    [InlineData("position_ids", Dtype.I64, false)]
    [InlineData("relative_position_index", Dtype.I64, false)]
    [InlineData("token_ids", Dtype.I64, false)]
    public void Integers_that_differ_are_codes_where_the_configuration_names_a_quantisation_but_masks_and_indices_are_none(string name, Dtype dtype, bool areCodes, long length = 0)
    {
        foreach ((string side, byte fill) in new[] { ("base", (byte)1), ("aligned", (byte)2), ("same", (byte)2) })
        {
            place.Write(side + "/model.safetensors", ("a." + name, dtype, length == 0 ? [8, 8] : [length], fill), ("b", Dtype.BF16, [8000], 1));
            place.Write(side + "/config.json", """{"quantization_config": {"quant_method": "newest"}}""");
        }

        if (areCodes)
        {
            PlanProblem problem = Assert.Single(Refused("base", "aligned", MismatchPolicy.CopyAligned).Problems);
            Assert.Equal("EXPO1210", problem.Code);
            Assert.Contains("newest, 1 weight and 0 scales, a." + name, problem.Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal(2, PlanOf("base", "aligned", MismatchPolicy.CopyAligned).Plan.Files[0].Tensors.Length);
        }

        if (!areCodes || length > 0 || dtype is Dtype.I64 or Dtype.U64)
        {
            Assert.Equal(2, PlanOf("same", "aligned", MismatchPolicy.Error).Plan.Files[0].Tensors.Length);
        }
    }

    [Theory]
    [InlineData("weight_scale_inv", "{}", false)]
    [InlineData("weight_scale_inv", """{"model_type": "deepseek_v3"}""", false)]
    [InlineData("weight_scale", "{}", false, false)]
    [InlineData("weight_scale_inv", """{"quantization_config": {"quant_method": "fp8"}}""", true)]
    [InlineData("weight_scale", """{"text_config": {"compression_config": {"quant_method": "compressed-tensors"}}}""", true)]
    public void Scales_beside_plain_weights_are_a_warning_unless_the_configuration_names_a_quantisation(string scale, string config, bool isRefused, bool isWarned = true)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", (Q + "weight", Dtype.BF16, [8, 8], 1), (Q + scale, Dtype.BF16, [1, 1], 1), ("model.norm.weight", Dtype.BF16, [8], 1));
            place.Write(side + "/config.json", config);
        }

        if (isRefused)
        {
            Assert.Equal("EXPO1210", Refused("base", "aligned", MismatchPolicy.CopyAligned).Code);
            return;
        }

        PlannedMerge merge = PlanOf("base", "aligned", MismatchPolicy.Error);
        PlanWarning[] warnings = [.. merge.Warnings.Where(warning => warning.Code == "EXPO1228")];
        Assert.Equal(isWarned ? 2 : 0, warnings.Length);
        Assert.All(warnings, warning => Assert.Contains("1 tensor, model.layers.*.self_attn.q_proj." + scale, warning.Message, StringComparison.Ordinal));
        Assert.All(merge.Plan.Files[0].Tensors, tensor => Assert.Equal(TensorRule.Merge, tensor.Rule));
    }

    [Theory]
    [InlineData("hqq", "weight", Dtype.F16, "scales", "zeros", true)]
    [InlineData("modelopt", "weight", Dtype.BF16, "weights_scaling_factor", "prequant_scaling_factor", true)]
    [InlineData("new", "weight", Dtype.BF16, "scale", "zero_point", true)]
    [InlineData(null, "weight", Dtype.F16, "scales", "zeros", false)]
    [InlineData(null, "W_q", Dtype.F32, "W_k", "W_v", false)]
    [InlineData(null, "blocks", Dtype.F32, "scales", "x", false)]
    [InlineData(null, "weight", Dtype.F32, "weight_scale", "x", false)]
    public void Codes_that_are_stored_as_numbers_are_known_where_the_configuration_names_a_quantisation(string? method, string codes, Dtype dtype, string one, string other, bool isRefused)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", (Q + codes, dtype, [8, 8], 1), (Q + one, dtype, [8, 8], 1), (Q + other, dtype, [8, 8], 1));
            place.Write(side + "/config.json", method is null ? "{}" : $"{{\"quantization_config\": {{\"quant_method\": \"{method}\"}}}}");
        }

        if (isRefused)
        {
            Assert.Contains("1 weight and ", Refused("base", "aligned", MismatchPolicy.CopyAligned).Message, StringComparison.Ordinal);
            Assert.Equal("EXPO1210", Refused("base", "aligned", Patterns(("*." + codes, MismatchPolicy.CopyAligned))).Code);
        }
        else
        {
            PlannedMerge merge = PlanOf("base", "aligned", MismatchPolicy.Error);
            Assert.All(merge.Plan.Files[0].Tensors, tensor => Assert.Equal(TensorRule.Merge, tensor.Rule));
            Assert.DoesNotContain(merge.Warnings, warning => warning.Code is "EXPO1225" or "EXPO1228");
        }
    }

    [Theory]
    [InlineData("model.token_map", Dtype.I64, "model.logit_scale")]
    [InlineData("vision.grid", Dtype.I32, "vision.layer_scale")]
    [InlineData("kmeans.indices", Dtype.I64, "kmeans.centroids")]
    [InlineData("vq.codes", Dtype.I64, "vq.codebooks")]
    [InlineData("tok.lut", Dtype.U8, "tok.scale")]
    public void Integers_that_are_equal_on_both_sides_are_tables_where_no_configuration_says_otherwise(string table, Dtype dtype, string numbers)
    {
        foreach ((string side, byte fill) in new[] { ("base", (byte)1), ("aligned", (byte)1), ("other", (byte)2) })
        {
            place.Write(side + "/model.safetensors", (table, dtype, [4, 4], fill), (numbers, Dtype.F32, [4, 4], fill), ("w.weight", Dtype.BF16, [800], 1));
            place.Write(side + "/config.json", "{}");
        }

        PlannedMerge merge = PlanOf("base", "aligned", MismatchPolicy.Error);
        Assert.Equal(2, merge.Plan.Files[0].Tensors.Count(tensor => tensor.Rule == TensorRule.Merge));
        Assert.DoesNotContain(merge.Warnings, warning => warning.Code == "EXPO1225");
        Assert.Equal("EXPO1210", Refused("base", "other", MismatchPolicy.CopyAligned).Code);
    }

    [Fact]
    public void Codes_in_a_small_part_of_a_model_are_refused_with_whatever_their_scales_are_called()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("big.weight", Dtype.BF16, [64, 64], 1), ("x.weight", Dtype.F8E4M3, [8, 8], 1), ("x.weights_scaling_factor", Dtype.F32, [], 1));
        }

        Assert.Equal("EXPO1210", Refused("base", "aligned", MismatchPolicy.CopyAligned).Code);
        Assert.Equal("EXPO1210", Refused("base", "aligned", Patterns(("x.weight", MismatchPolicy.CopyAligned))).Code);
        Assert.Single(PlanOf("base", "aligned", Patterns(("x.*", MismatchPolicy.CopyAligned))).Plan.Files[0].Tensors, tensor => tensor.Rule == TensorRule.Merge);
    }

    [Fact]
    public void Who_names_every_code_and_every_scale_has_them_copied_and_the_rest_computed()
    {
        (string, Dtype, long[], byte)[] rest = [("model.norm.weight", Dtype.BF16, [800], 1)];
        place.Write("base/model.safetensors", [.. Of("fp8 block"), .. rest]);
        place.Write("aligned/model.safetensors", [.. Of("fp8 block"), .. rest]);

        Plan plan = PlanOf("base", "aligned", Patterns(("model.layers.*", MismatchPolicy.CopyAligned))).Plan;

        Assert.Equal(
            [TensorRule.Copy, TensorRule.Copy, TensorRule.Copy, TensorRule.Copy, TensorRule.Merge],
            plan.Files[0].Tensors.OrderBy(tensor => tensor.Entry.Name, StringComparer.Ordinal).Select(tensor => tensor.Rule));
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
            ("swin.attn.relative_position_index", Dtype.I64, [4, 4], 1), ("swin.attn.logit_scale", Dtype.F32, [2, 1, 1], 1), ("moe.tid2eid", Dtype.I64, [4, 2], 1), ("moe.weight", Dtype.BF16, [4, 4], 1),
            ("moe.e_scale", Dtype.F32, [4], 1), ("blocks", Dtype.I32, [4, 4], 1), ("ssm.B", Dtype.I32, [4, 4], 1), ("ssm.a", Dtype.F32, [], 1), ("window_index", Dtype.I32, [4, 4], 1),
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
    [InlineData("model.layers.0.self_attn.q_proj.lora_a", "model.layers.0.self_attn.q_proj.lora_b", "LoRA")]
    [InlineData("down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.down.weight", "down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_q_lora.up.weight", "LoRA")]
    [InlineData("unet.x.to_out.lora.down.weight", "unet.x.to_out.lora.up.weight", "LoRA")]
    [InlineData("text_encoder.x.q_proj.lora_linear_layer.down.weight", "text_encoder.x.q_proj.lora_linear_layer.up.weight", "LoRA")]
    [InlineData("lora_unet_down_blocks_0_attn1_to_q.lora_down.weight", "lora_unet_down_blocks_0_attn1_to_q.alpha", "LoRA")]
    [InlineData("lora_te1_x.hada_w1_a", "lora_te1_x.alpha", "LoHa")]
    [InlineData("lycoris_x.lokr_w1", "lycoris_x.diff_b", "LoKr")]
    [InlineData("lora_unet_x.diff", "lora_unet_x.diff_b", "LoRA")]
    [InlineData("x.lora_down.weight", "x.dora_scale", "LoRA")]
    [InlineData("bert.encoder.layer.0.output.adapters.sst.adapter_down.0.weight", "bert.encoder.layer.0.output.adapters.sst.adapter_up.weight", "bottleneck adapter")]
    [InlineData("bert.prefix_tuning.prefix_tunings.a.wte.weight", "bert.prefix_tuning.prefix_tunings.a.control_trans.0.weight", "prefix tuning")]
    [InlineData("transformer.prefix_encoder.embedding.weight", "transformer.prefix_encoder.trans.0.weight", "prefix tuning")]
    [InlineData("prompt_encoder.default.embedding.weight", "prompt_encoder.other.embedding.weight", "prompt tuning")]
    [InlineData("base_model.model.layers.0.self_attn.adaption_prompt", "base_model.model.layers.0.self_attn.adaption_gate", "prompt tuning")]
    [InlineData("base_model.model.x.vera_lambda_b", "base_model.vera_A", "VeRA")]
    [InlineData("base_model.model.x.oft_blocks", "base_model.model.y.oft_blocks", "OFT")]
    [InlineData("layers.0.attn.q_proj.lora_a.weight", "layers.0.attn.q_proj.lora_b.weight", "LoRA")]
    [InlineData("model.decoder.layers.0.self_attention.adapter_layer.lora_kqv_adapter.linear_in.weight", "model.decoder.layers.0.self_attention.adapter_layer.lora_kqv_adapter.linear_out.weight", "LoRA")]
    [InlineData("decoder.layers.0.self_attention.linear_qkv.adapter.linear_in.weight", "decoder.layers.0.self_attention.linear_qkv.adapter.linear_out.weight", "LoRA")]
    [InlineData("double_blocks.0.processor.qkv_lora1.down.weight", "double_blocks.0.processor.proj_lora2.up.weight", "LoRA")]
    [InlineData("lllite_unet_down_blocks_0_attn1_to_q.down.0.weight", "lllite_unet_down_blocks_0_attn1_to_q.up.0.weight", "LoRA")]
    [InlineData("lora_controlnet", "input_blocks.1.0.in_layers.2.up", "adapter")]
    [InlineData("base_model.model.layers.0.q_proj.vblora_logits_A", "base_model.vblora_vector_bank", "LoRA")]
    [InlineData("base_model.model.x.waveft_spectrum", "base_model.model.y.waveft_spectrum", "adapter")]
    [InlineData("base_model.model.x.delora_A", "base_model.model.x.delora_lambda", "LoRA")]
    [InlineData("base_model.model.x.gralora_A", "base_model.model.x.gralora_B", "LoRA")]
    [InlineData("base_model.model.x.newest_A", "base_model.model.x.newest_B", "adapter")]
    [InlineData("prompt_embeddings", "base_model.model.score.weight", "prompt tuning")]
    [InlineData("base_model.model.x.fourierft_spectrum.default", "base_model.model.y.fourierft_spectrum.default", "adapter")]
    public void Adapters_are_known_by_the_names_of_their_tensors_alone(string a, string b, string kind)
    {
        WritePlain("plain");
        place.Write("adapter/adapters.safetensors", (a, Dtype.F32, [4, 8], 1), (b, Dtype.F32, [8, 4], 1));

        PlanProblem problem = Assert.Single(Refused("plain", "adapter", MismatchPolicy.CopyAligned).Problems);

        Assert.Equal("EXPO1211", problem.Code);
        Assert.Contains($"is an adapter ({kind}), not a model: 2 tensors", problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("adapters.safetensors", """{"fine_tune_type": "dora", "model": "org/small"}""", "DoRA")]
    [InlineData("adapter.safetensors", """{"peft_type": "SOMETHING_NEW", "base_model_name_or_path": "org/small"}""", "SOMETHING_NEW")]
    [InlineData("weights.safetensors", """{"config": {"architecture": "union"}, "model_name": "org/small"}""", "union")]
    public void An_adapter_of_unknown_names_is_known_by_its_configuration_where_no_model_has_one(string file, string config, string kind)
    {
        WritePlain("plain");
        place.Write("adapter/" + file, (Q + "factor_one", Dtype.F32, [4, 8], 1), (Q + "factor_two", Dtype.F32, [8, 4], 1));
        place.Write("adapter/adapter_config.json", config);

        Assert.Contains($"is an adapter ({kind}) based on org/small", Assert.Single(Refused("plain", "adapter", MismatchPolicy.CopyAligned).Problems).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_the_files_that_MLX_saves_while_it_trains_the_last_one_is_the_adapter()
    {
        WritePlain("plain");
        foreach (string file in new[] { "0000100_adapters.safetensors", "adapters.safetensors" })
        {
            place.Write("adapter/" + file, (Q + "lora_a", Dtype.F32, [4, 8], 1), (Q + "lora_b", Dtype.F32, [8, 4], 1));
        }

        Assert.Equal("EXPO1211", Refused("plain", "adapter", MismatchPolicy.Error).Code);
    }

    [Theory]
    [InlineData("adapters.safetensors", """{"fine_tune_type": "full", "model": "org/small"}""", null)]
    [InlineData("model.safetensors", """{"peft_type": "LORA"}""", """{"model_type": "llama"}""")]
    [InlineData("model.safetensors", """{"peft_type": "LORA"}""", null)]
    public void A_configuration_of_an_adapter_beside_a_model_makes_none_of_it(string file, string config, string? ofModel)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write($"{side}/{file}", ("model.embed_tokens.weight", Dtype.BF16, [8, 8], 1), (Q + "weight", Dtype.BF16, [8, 8], 1));
            place.Write(side + "/adapter_config.json", config);
            if (ofModel is not null)
            {
                place.Write(side + "/config.json", ofModel);
            }
        }

        Assert.Equal(2, PlanOf("base", "aligned", MismatchPolicy.Error).Plan.Files[0].Tensors.Length);
    }

    [Theory]
    [InlineData(Q + "base_layer.weight", Q + "lora_A.speech.weight", Q + "lora_B.vision.weight", """{"speech_lora": {"r": 320}, "vision_lora": {"r": 256}}""", true)]
    [InlineData(Q + "base_layer.weight", Q + "lora_A.speech.weight", Q + "lora_B.vision.weight", """{"speech_lora": {"r": 320}}""", false)]
    [InlineData(Q + "base_layer.weight", Q + "lora_A.default.weight", Q + "lora_B.default.weight", """{"q_lora_rank": 8}""", false)]
    [InlineData(Q + "base_layer.weight", Q + "lora_A.weight", Q + "lora_B.weight", """{"kv_lora_rank": 8}""", false)]
    [InlineData("model.layers.1.mlp.weight", Q + "lora_A.speech.weight", Q + "lora_B.speech.weight", """{"speech_lora": {"r": 320}}""", false)]
    [InlineData("m.Wqkv.parametrizations.weight.original", "m.Wqkv.parametrizations.weight.0.lora_A", "m.Wqkv.parametrizations.weight.0.lora_B", """{"lora_rank": 4}""", true)]
    [InlineData("m.Wqkv.parametrizations.weight.original", "m.Wqkv.parametrizations.weight.0.lora_A", "m.Wqkv.parametrizations.weight.0.lora_B", "{}", false)]
    [InlineData(Q + "weight", Q + "lora_A", Q + "lora_B", """{"lora_r": 2, "lora_alpha": 16}""", false)]
    [InlineData(Q + "weight", Q + "lora_A", Q + "lora_B", """{"lora_rank": 2}""", false)]
    [InlineData(Q + "weight", Q + "lora_A.default.weight", Q + "lora_B.default.weight", """{"lora_default": true}""", false)]
    [InlineData(Q + "weight", Q + "lora_a.weight", Q + "lora_b.weight", """{"model_type": "llama"}""", false)]
    [InlineData("m.Wqkv.parametrizations.weight.original", "m.Wqkv.parametrizations.weight.0.lora_A", "m.Wqkv.parametrizations.weight.0.lora_B", """{"lora_r": 4}""", false)]
    [InlineData("m.wqkv.weight", "m.wqkv.Plora_A.weight", "m.wqkv.Plora_B.weight", "{}", true)]
    [InlineData("m.fc1.weight", "m.fc1_lora_A_list.0.weight", "m.fc1_lora_B_list.0.weight", "{}", true)]
    [InlineData("m.attn.weight", "m.attn.w_lora.lora.0.weight", "m.attn.w_lora.lora.2.weight", "{}", true)]
    [InlineData("vit.weight", "vit.prompt_embeddings", "vit.adapter_layer.linear_1.weight", "{}", true)]
    [InlineData("m.base.weight", "m.x.adapter_down.weight", "m.prefix_encoder.embedding.weight", "{}", true)]
    public void A_model_with_low_rank_factors_as_a_fixed_part_is_a_model_if_its_configuration_names_them(string weight, string a, string b, string config, bool isModel)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [8, 8], 1), (weight, Dtype.BF16, [8, 8], 1), (a, Dtype.BF16, [2, 8], 1), (b, Dtype.BF16, [8, 2], 1));
            place.Write(side + "/config.json", config);
        }

        if (isModel)
        {
            Assert.All(PlanOf("base", "aligned", MismatchPolicy.Error).Plan.Files[0].Tensors, tensor => Assert.Equal(TensorRule.Merge, tensor.Rule));
        }
        else
        {
            Assert.Equal("EXPO1211", Refused("base", "aligned", MismatchPolicy.CopyAligned).Code);
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

    [Theory]
    [InlineData("transformer.blocks.0.ffn.experts.mlp.w1")]
    [InlineData("transformer.blocks.0.ffn.experts.mlp.v1")]
    [InlineData("query_tokens")]
    [InlineData("vision_model.embeddings.class_embedding")]
    [InlineData("visual.positional_embedding")]
    [InlineData("vit.embeddings.position_embeddings")]
    [InlineData("blocks.0.attention.time_decay")]
    [InlineData("conv.weight_g")]
    [InlineData("conv.parametrizations.weight.original1")]
    [InlineData("ls1.gamma")]
    [InlineData("rnn.weight_ih_l0")]
    [InlineData("model.layers.0.self_attn.sinks")]
    [InlineData("model.layers.0.mlp.gate.e_score_correction_bias")]
    [InlineData("logit_scale")]
    [InlineData("attn.in_proj_qkv_w")]
    [InlineData("multi_modal_projector.mm_input_projection_weight")]
    [InlineData("cls_token")]
    [InlineData("mixer.A_log")]
    public void Parameters_without_elements_on_both_sides_are_refused(string name)
    {
        place.Write("base/model.safetensors", (name, Dtype.F32, [0], 1), ("w", Dtype.BF16, [4], 1));
        place.Write("aligned/model.safetensors", (name, Dtype.F32, [0], 1), ("w", Dtype.BF16, [4], 1));

        Assert.Equal("EXPO1212", Assert.Single(Refused("base", "aligned", MismatchPolicy.CopyAligned).Problems).Code);
    }

    [Theory]
    [InlineData("extra_state")]
    [InlineData("lengths")]
    [InlineData("empty_buffer")]
    public void What_is_empty_and_no_weight_is_fine(string name)
    {
        place.Write("base/model.safetensors", (name, Dtype.F32, [0], 1), ("w", Dtype.BF16, [4], 1));
        place.Write("aligned/model.safetensors", (name, Dtype.F32, [0], 1), ("w", Dtype.BF16, [4], 1));

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
            Assert.Equal(2, PlanOf("base", "aligned", MismatchPolicy.Error).Plan.Files[0].Tensors.Count(tensor => tensor.Rule == TensorRule.Merge));
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
    [InlineData("model.layers.0.block_sparse_moe.input_linear.weight", "model.layers.0.block_sparse_moe.experts.0.w1.weight")]
    [InlineData("encoder.block.1.layer.1.mlp.experts.wi", "encoder.block.1.layer.1.mlp.experts.expert_0.wi.weight")]
    [InlineData("model.layers.0.moe.experts.up.weight", "model.layers.0.moe.experts.0.up.weight")]
    [InlineData("model.layers.0.mlp.experts.linear_fc1.weight0", "model.layers.0.mlp.experts.local_experts.0.linear_fc1.weight")]
    [InlineData("model.layers.0.mlp.moe.experts.weight", "model.layers.0.mlp.experts.0.gate_proj.weight")]
    public void Experts_that_only_one_side_stores_together_are_one_error(string fused, string single)
    {
        place.Write("base/model.safetensors", (single, Dtype.BF16, [8, 4], 1), ("n", Dtype.BF16, [400], 1));
        place.Write("aligned/model.safetensors", (fused, Dtype.BF16, [2, 8, 4], 1), ("n", Dtype.BF16, [400], 1));

        foreach ((string one, string other) in new[] { ("base", "aligned"), ("aligned", "base") })
        {
            PlanProblem problem = Assert.Single(Refused(one, other, MismatchPolicy.CopyAligned).Problems);
            Assert.Equal("EXPO1213", problem.Code);
            Assert.Contains(fused.EndsWith("weight0", StringComparison.Ordinal) ? "in one module" : "in one tensor", problem.Message, StringComparison.Ordinal);
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
        "exl3" => [(Q + "trellis", Dtype.I16, [1, 1, 48], 1), (Q + "suh", Dtype.F16, [16], 1), (Q + "svh", Dtype.F16, [16], 1), (Q + "mcg", Dtype.I32, [], 1)],
        "exl3 packed signs" => [(Q + "trellis", Dtype.I16, [1, 1, 48], 1), (Q + "su", Dtype.I16, [1], 1), (Q + "svh", Dtype.F16, [16], 1)],
        "exl2" => [(Q + "q_weight", Dtype.I32, [4, 8], 1), (Q + "q_scale", Dtype.I32, [1, 1], 1), (Q + "q_scale_max", Dtype.F16, [1], 1), (Q + "q_groups", Dtype.I16, [2], 1), (Q + "q_invperm", Dtype.I16, [8], 1)],
        "qqq" => [(Q + "B", Dtype.I32, [1, 8], 1), (Q + "s_channel", Dtype.F32, [1, 8], 1), (Q + "s_group", Dtype.F16, [1, 8], 1)],
        "marlin 24" => [(Q + "B_24", Dtype.I32, [1, 8], 1), (Q + "B_meta", Dtype.I16, [8, 1], 1), (Q + "s", Dtype.F16, [1, 8], 1)],
        "mxfp4 of openai" => [("block.0.mlp.mlp1_weight.blocks", Dtype.U8, [2, 8, 1, 16], 1), ("block.0.mlp.mlp1_weight.scales", Dtype.U8, [2, 8, 1], 1)],
        "mxfp4 nested" => [("model.layers.0.mlp.experts.gate_up_proj.blocks", Dtype.U8, [2, 8, 1, 16], 1), ("model.layers.0.mlp.experts.gate_up_proj.scales", Dtype.U8, [2, 8, 1], 1)],
        "mxfp4 at the top" => [("down_proj_blocks", Dtype.U8, [2, 8, 1, 16], 1), ("down_proj_scales", Dtype.U8, [2, 8, 1], 1)],
        "smoothquant" => [(Q + "weight", Dtype.I8, [8, 8], 1), (Q + "a", Dtype.F32, [], 1), (Q + "b", Dtype.F32, [1], 1), (Q + "bias", Dtype.I8, [1, 8], 1)],
        "smoothquant without b" => [(Q + "weight", Dtype.I8, [8, 8], 1), (Q + "a", Dtype.F32, [], 1), (Q + "bias", Dtype.F32, [8], 1)],
        "dfloat11" => [(Q + "encoded_exponent", Dtype.U8, [40], 1), (Q + "sign_mantissa", Dtype.U8, [64], 1), (Q + "luts", Dtype.U8, [2, 256], 1), (Q + "gaps", Dtype.U8, [4], 1)],
        "spqr" => [(Q + "dense_weights", Dtype.I64, [4000], 1), (Q + "row_offsets", Dtype.I32, [9], 1), (Q + "col_vals", Dtype.I32, [120], 1), (Q + "in_perm", Dtype.I64, [8], 1)],
        "sparse 24" => [(Q + "compressed", Dtype.BF16, [8, 4], 1), (Q + "bitmask", Dtype.U8, [8, 1], 1), (Q + "shape", Dtype.I64, [2], 1)],
        "modelopt awq" => [(Q + "weight", Dtype.I8, [8, 4], 1), (Q + "weights_scaling_factor", Dtype.F16, [1, 6], 1), (Q + "prequant_scaling_factor", Dtype.F16, [8], 1)],
        "modelopt fp8" => [(Q + "weight", Dtype.F8E4M3, [8, 8], 1), (Q + "weights_scaling_factor", Dtype.F32, [1], 1), (Q + "activation_scaling_factor", Dtype.F32, [1], 1)],
        "int_weight" => [(Q + "int_weight", Dtype.I8, [8, 8], 1), (Q + "scale", Dtype.F32, [8, 1], 1)],
        "quantized_weight" => [(Q + "quantized_weight", Dtype.U8, [8, 8], 1), (Q + "scales", Dtype.F16, [8, 1], 1)],
        "wscale" => [(Q + "weight", Dtype.I8, [8, 8], 1), (Q + "wscale", Dtype.F32, [8], 1)],
        "rwkv" => [("blocks.0.att.key.weight", Dtype.U8, [8, 8], 1), .. new[] { "mx", "rx", "my", "ry" }.Select(part => ("blocks.0.att.key.weight_" + part, Dtype.F16, new long[] { 8 }, (byte)1))],
        "fp8 scaling" => [(Q + "weight", Dtype.F8E4M3, [8, 8], 1), (Q + "scaling", Dtype.F32, [], 1)],
        "svdquant" => [(Q + "qweight", Dtype.I8, [8, 4], 1), (Q + "wscales", Dtype.BF16, [1, 8], 1), (Q + "smooth_factor", Dtype.BF16, [8], 1), (Q + "proj_down", Dtype.BF16, [8, 2], 1)],
        "fp_quant" => [(Q + "qweight", Dtype.U8, [8, 4], 1), (Q + "scales", Dtype.U8, [8, 1], 1), (Q + "weight_global_scale", Dtype.F32, [1], 1), (Q + "act_global_scale", Dtype.F32, [1], 1)],
        "gptq viewed as numbers" => [(Q + "qweight", Dtype.F32, [1, 8], 1), (Q + "qzeros", Dtype.I32, [1, 1], 1), (Q + "scales", Dtype.F16, [1, 8], 1), (Q + "g_idx", Dtype.I32, [8], 1)],
        "ct packed viewed as numbers" => [(Q + "weight_packed", Dtype.BF16, [8, 2], 1), (Q + "weight_scale", Dtype.BF16, [8, 1], 1), (Q + "weight_shape", Dtype.I64, [2], 1)],
        "mxfp4 viewed as numbers" => [("model.layers.0.mlp.experts.gate_up_proj_blocks", Dtype.BF16, [2, 8, 1, 8], 1), ("model.layers.0.mlp.experts.gate_up_proj_scales", Dtype.U8, [2, 8, 1], 1)],
        "wide" => [(Q + "weight", Dtype.I64, [8, 8], 1), (Q + "weight_scale", Dtype.F32, [8], 1)],
        "wide unknown" => [(Q + "packed", Dtype.I64, [8, 8], 1), (Q + "row_scale", Dtype.F16, [8], 1)],
        "16 bits unknown" => [(Q + "packed", Dtype.U16, [8, 8], 1), (Q + "row_scale", Dtype.F16, [8], 1)],
        _ => [(Q + "trits", Dtype.U8, [8, 8], 1), (Q + "row_scale", Dtype.F16, [8], 1)],
    };

    private static MismatchRule.ByPattern Patterns(params (string Match, MismatchPolicy Policy)[] entries) =>
        new(new TensorPatterns<MismatchPolicy>([.. entries.Select(entry => new TensorPattern<MismatchPolicy>(entry.Match, entry.Policy))]));

    private void WritePlain(string side) => place.Write(side + "/model.safetensors", (Q + "weight", Dtype.BF16, [8, 8], 1), ("model.norm.weight", Dtype.BF16, [8], 1));

    private PlannedMerge PlanOf(string one, string other, MismatchRule rule) =>
        Planner.Plan(new Recipe { Base = place.PathOf(one), Aligned = place.PathOf(other), Alpha = 0.3, OnMismatch = rule });

    private PlanningException Refused(string one, string other, MismatchRule rule) => Assert.Throws<PlanningException>(() => PlanOf(one, other, rule));
}
