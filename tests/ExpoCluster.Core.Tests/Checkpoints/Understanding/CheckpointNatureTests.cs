using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Checkpoints.Understanding;

public sealed class CheckpointNatureTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("__0_0.distcp", "dcp_to_torch")]
    [InlineData(".metadata", "dcp_to_torch")]
    [InlineData("global_step500/mp_rank_00_model_states.pt", "zero_to_fp32")]
    [InlineData("mp_rank_00_model_states.pt", "zero_to_fp32")]
    [InlineData("iter_0000100/mp_rank_00/model_optim_rng.pt", "Megatron")]
    [InlineData("latest_checkpointed_iteration.txt", "Megatron")]
    [InlineData("pytorch_model_fsdp_0/__0_0.distcp", "accelerate merge-weights")]
    [InlineData("model.nemo", "NeMo")]
    [InlineData("model-Q4_K_M.gguf", "GGUF")]
    [InlineData("tf_model.h5", "from_tf")]
    [InlineData("flax_model.msgpack", "from_flax")]
    [InlineData("model.onnx", "exported from")]
    [InlineData("checkpoint-500/model.safetensors", "checkpoint-N")]
    [InlineData("adapter_config.json", "merge_and_unload")]
    [InlineData("consolidated.00.pth", "convert_llama_weights_to_hf")]
    [InlineData("saved_model.pb", "from_tf")]
    [InlineData("model.ckpt.index", "original_tf_checkpoint")]
    [InlineData("openvino_model.xml", "exported from")]
    [InlineData("_CHECKPOINT_METADATA", "export it as safetensors")]
    [InlineData("rank0.engine", "built from")]
    [InlineData("model_world_size_8_rank_0.pt", "verl.model_merger")]
    [InlineData("checkpoint_last-model_part-0-shard0.pt", "put all its parts together")]
    [InlineData("consolidated.rank_1.pt", "put all its parts together")]
    [InlineData("step-1000/__0_0.distcp", "dcp_to_torch")]
    [InlineData("dcp/.metadata", "dcp_to_torch")]
    [InlineData("pytorch_model/mp_rank_00_model_states.pt", "zero_to_fp32")]
    [InlineData("global_step500_universal/zero/x/fp32.pt", "universal")]
    [InlineData("model.ckpt-1000.index", "original_tf_checkpoint")]
    [InlineData("model.keras", "Keras")]
    [InlineData("model_state.pdparams", "Paddle")]
    [InlineData("checkpoint_1000100/target.encoder.kernel/.zarray", "convert_t5x")]
    [InlineData("target.encoder.kernel/.zarray", "convert_t5x")]
    [InlineData("onnx/model.onnx", "exported from")]
    public void What_is_no_model_is_named_with_what_converts_it(string file, string advice)
    {
        place.Write("there/" + file, "");

        CheckpointException refused = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("there")));

        Assert.Equal("EXPO1140", refused.Code);
        Assert.Contains(advice, refused.Message + refused.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pytorch_lora_weights.bin")]
    [InlineData("adapter_model.bin")]
    [InlineData("adapter_0.pt")]
    public void A_directory_with_the_weights_of_an_adapter_alone_is_named_as_one(string file)
    {
        place.Write("there/" + file, "");

        CheckpointException refused = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("there")));

        Assert.Equal("EXPO1211", refused.Code);
        Assert.Contains("merge_and_unload", refused.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void What_NeMo_exports_is_named_by_its_folders()
    {
        place.Write("there/weights/__0_0.distcp", "");
        place.Write("there/context/model.yaml", "");

        Assert.Contains("export_ckpt", Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("there"))).Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "every file that it names")]
    [InlineData("diffusion_pytorch_model-00001-of-00002.fp16.safetensors", "diffusion_pytorch_model-00002-of-00002.fp16.safetensors", "every file that it names")]
    [InlineData("rank0.safetensors", "rank1.safetensors", "every file that it names")]
    [InlineData("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "every file that it names")]
    [InlineData("one.safetensors", "two.safetensors", "if each file is a model of its own")]
    public void A_part_of_a_model_is_never_proposed_as_the_model(string one, string other, string advice)
    {
        place.Write("there/" + one, "");
        place.Write("there/" + other, "");

        CheckpointException refused = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("there")));

        Assert.Equal("EXPO1105", refused.Code);
        Assert.Contains(advice, refused.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_of_several_is_never_proposed_as_the_model()
    {
        place.Write("there/modules.json", """[{"path": "0_Transformer", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}]""");
        place.Write("there/0_Transformer/model.safetensors", "");
        place.Write("there/1_Pooling/config.json", "{}");

        CheckpointException refused = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("there")));

        Assert.Equal("EXPO1140", refused.Code);
        Assert.Contains("0_Transformer", refused.Message, StringComparison.Ordinal);
        Assert.Contains("save_pretrained", refused.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model-00001-of-00002.safetensors", null, "one of 2")]
    [InlineData("model-00001-of-00001.safetensors", null, null)]
    [InlineData("rank0.safetensors", "rank1.safetensors", "lies beside rank1.safetensors")]
    [InlineData("rank0.safetensors", null, null)]
    [InlineData("consolidated.00.safetensors", "consolidated.01.safetensors", "lies beside consolidated.01.safetensors")]
    [InlineData("mp_rank_00/model.safetensors", "mp_rank_01/model.safetensors", "mp_rank_00 lies beside mp_rank_01")]
    [InlineData("x_model_world_size_2_rank_0.safetensors", null, "one of 2")]
    [InlineData("x_model_world_size_1_rank_0.safetensors", null, null)]
    [InlineData("last-model_part-0-shard0.safetensors", "last-model_part-1-shard0.safetensors", "as one of several")]
    [InlineData("m_lora_rank16.safetensors", "m_lora_rank32.safetensors", null)]
    [InlineData("a.safetensors", "b.safetensors", null)]
    public void A_part_that_is_given_by_itself_is_warned_of(string file, string? other, string? why)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write($"{side}/{file}", ("a.weight", Dtype.BF16, [2], 1));
            if (other is not null)
            {
                place.Write($"{side}/{other}", ("b.weight", Dtype.BF16, [2], 1));
            }
        }

        var recipe = new Recipe { Base = place.PathOf("base/" + file), Aligned = place.PathOf("aligned/" + file), Alpha = 0.5 };
        PlanWarning[] warnings = [.. Planner.Plan(recipe).Warnings.Where(warning => warning.Code == "EXPO1232")];

        Assert.Equal(why is null ? 0 : 2, warnings.Length);
        Assert.All(warnings, warning => Assert.Contains(why!, warning.Message, StringComparison.Ordinal));
        if (why is not null)
        {
            Assert.Contains(Assert.Throws<PlanningException>(() => Planner.Plan(recipe with { Strict = true })).Problems, problem => problem.Code == "EXPO1232");
        }
    }

    [Fact]
    public void A_module_that_is_given_by_itself_is_warned_of()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/modules.json", """[{"path": "0_Transformer", "type": "x.Transformer"}, {"path": "1_Pooling", "type": "x.Pooling"}]""");
            place.Write(side + "/0_Transformer/model.safetensors", ("a.weight", Dtype.BF16, [2], 1));
        }

        var recipe = new Recipe { Base = place.PathOf("base/0_Transformer"), Aligned = place.PathOf("aligned/0_Transformer"), Alpha = 0.5 };

        Assert.Contains(Planner.Plan(recipe).Warnings, warning => warning.Code == "EXPO1232" && warning.Message.Contains("modules.json", StringComparison.Ordinal));
    }

    [Fact]
    public void A_directory_with_nothing_of_the_kind_is_still_one_without_weights()
    {
        place.Write("there/notes.txt", "");

        Assert.Equal("EXPO1103", Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("there"))).Code);
    }

    [Theory]
    [InlineData("there/model/model.safetensors", "there/model")]
    [InlineData("there/snapshots/abc/model.safetensors.index.json", "there/snapshots/abc")]
    [InlineData("there/policy.pt", "there/policy.pt")]
    public void Weights_that_lie_near_a_directory_without_any_are_named(string file, string reference)
    {
        place.Write(file, "");

        CheckpointException refused = Assert.Throws<CheckpointException>(() => Checkpoint.Open(place.PathOf("there")));

        Assert.Equal("EXPO1103", refused.Code);
        Assert.Contains($"give {place.PathOf(reference)} as the reference", refused.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_the_index_does_not_name_is_noted_with_its_tensors()
    {
        WriteSharded("aligned");

        Assert.Contains(
            "model-mtp-00001.safetensors is not read, for the index does not name it: 1 tensor, model.layers.2.eh_proj.weight", Checkpoint.Open(place.PathOf("aligned")).Notes);
    }

    [Theory]
    [InlineData("mtp.safetensors", "mtp.safetensors is not read, for loaders read model.safetensors alone: 1 tensor, mtp.fc.weight")]
    [InlineData("model.fp16.safetensors", null)]
    [InlineData("model-00001-of-00002.safetensors", null)]
    public void A_file_beside_the_only_one_is_noted_if_it_is_no_form_or_part_of_it(string file, string? note)
    {
        place.Write("one/model.safetensors", ("a.weight", Dtype.BF16, [2], 1));
        place.Write("one/" + file, ("mtp.fc.weight", Dtype.BF16, [2], 1));

        Assert.Equal(note, Checkpoint.Open(place.PathOf("one")).Notes.SingleOrDefault());
        Assert.Empty(Checkpoint.Open(place.PathOf("one/model.safetensors")).Notes);
    }

    [Fact]
    public void What_the_configuration_promises_may_lie_beside_the_only_file()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("a.weight", Dtype.BF16, [2], 1));
            place.Write(side + "/mtp.safetensors", ("mtp.fc.weight", Dtype.BF16, [2], 1));
        }

        Assert.Single(PlanOf(MismatchPolicy.Error).Plan.Layout);
        place.Write("aligned/config.json", """{"num_hidden_layers": 2, "mtp_num_hidden_layers": 1}""");

        PlanProblem problem = Assert.Single(Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Error)).Problems);
        Assert.Equal("EXPO1215", problem.Code);
        Assert.Contains("mtp.safetensors has them, but loaders read model.safetensors alone: 1 tensor, mtp.fc.weight", problem.Message, StringComparison.Ordinal);
        Assert.Equal(1, PlanOf(Named("mtp.*", MismatchPolicy.Drop)).Plan.Layout.Sum(file => file.Tensors.Length));
        Assert.Equal(
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], PlanOf(Named("mtp.*", MismatchPolicy.CopyAligned)).Plan.Layout.Select(file => file.Name));
    }

    [Theory]
    [InlineData("model.layers.2.eh_proj.weight")]
    [InlineData("*.eh_proj.*")]
    public void What_the_configuration_promises_is_an_error_unless_the_recipe_says_what_becomes_of_it(string pattern)
    {
        WriteSharded("base");
        WriteSharded("aligned");
        place.Write("aligned/config.json", """{"num_hidden_layers": 2, "num_nextn_predict_layers": 1}""");

        PlanProblem problem = Assert.Single(Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Error)).Problems);
        Assert.Equal("EXPO1215", problem.Code);
        Assert.Contains("model-mtp-00001.safetensors", problem.Message, StringComparison.Ordinal);
        Assert.Equal(2, PlanOf(Named(pattern, MismatchPolicy.Drop)).Plan.Layout.Sum(file => file.Tensors.Length));
        PlannedTensor copied = Assert.Single(PlanOf(Named(pattern, MismatchPolicy.CopyAligned)).Plan.Layout.SelectMany(file => file.Tensors), tensor => tensor.Rule == TensorRule.Copy);
        Assert.Equal("model.layers.2.eh_proj.weight", copied.Entry.Name);
    }

    [Theory]
    [InlineData("""{"num_hidden_layers": 2, "num_mtp_modules": 1}""", "model.mtp.0.eh_proj.weight", "layers that predict further tokens")]
    [InlineData("""{"num_hidden_layers": 2, "mtp_num_layers": 1}""", "mtp.fc.weight", "layers that predict further tokens")]
    [InlineData("""{"num_hidden_layers": 2, "n_predict": 1}""", "mtp.fc.weight", "layers that predict further tokens")]
    [InlineData("""{"text_config": {"num_hidden_layers": 2, "num_nextn_predict_layers": 1}, "vision_config": {"num_hidden_layers": 27}}""", "model.language_model.layers.2.eh_proj.weight", "layers that predict further tokens")]
    [InlineData("""{"vision_config": {"depth": 2}}""", "model.visual.blocks.0.qkv.weight", "a vision model")]
    [InlineData("""{"thinker_config": {"vision_config": {"depth": 2}}}""", "thinker.visual.blocks.0.qkv.weight", "a vision model")]
    [InlineData("""{"audio_config": {"depth": 2}}""", "audio_tower.layers.0.fc1.weight", "an audio model")]
    [InlineData("""{"num_hidden_layers": 2, "num_nextn_predict_layers": 0}""", "mtp.fc.weight", null)]
    [InlineData("""{"num_hidden_layers": 2, "mtp_loss_factor": 1}""", "mtp.fc.weight", null)]
    [InlineData("""{"text_config": {"num_hidden_layers": 2}}""", "model.visual.blocks.0.qkv.weight", null)]
    public void Whatever_the_configuration_promises_must_be_where_loaders_find_it(string config, string tensor, string? promised)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("model.layers.0.a.weight", Dtype.BF16, [2], 1));
            place.Write(side + "/more.safetensors", (tensor, Dtype.BF16, [2], 1));
            place.Write(side + "/config.json", config);
        }

        if (promised is null)
        {
            Assert.Single(PlanOf(MismatchPolicy.Error).Plan.Layout);
            return;
        }

        PlanningException refused = Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Error));
        Assert.All(refused.Problems, problem => Assert.Equal("EXPO1215", problem.Code));
        Assert.Equal(["base", "aligned"], refused.Kinds.Select(kind => kind.Message.Split(' ')[0]));
        Assert.All(refused.Kinds, kind => Assert.Contains($"promises {promised}, and more.safetensors has", kind.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_part_of_a_vision_model_that_is_read_does_not_make_another_file_a_promise()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("visual.a.weight", Dtype.BF16, [2], 1));
            place.Write(side + "/more.safetensors", ("visual.b.weight", Dtype.BF16, [2], 1));
            place.Write(side + "/config.json", """{"vision_config": {"depth": 2}}""");
        }

        Assert.StartsWith("base and aligned: more.safetensors is not read", Assert.Single(PlanOf(MismatchPolicy.Error).Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_named_alike_are_told_in_one_note()
    {
        place.Write("one/model.safetensors", ("a.weight", Dtype.BF16, [2], 1));
        foreach (string language in new[] { "deu", "eng", "fra", "ita" })
        {
            place.Write($"one/adapter.{language}.safetensors", ("adapter.weight", Dtype.BF16, [2], 1));
        }

        Assert.Equal(
            "4 files are not read, for loaders read model.safetensors alone (adapter.deu.safetensors, adapter.eng.safetensors, adapter.fra.safetensors, adapter.ita.safetensors): 1 tensor, adapter.weight",
            Assert.Single(Checkpoint.Open(place.PathOf("one")).Notes));
    }

    [Fact]
    public void An_index_that_names_one_file_for_the_tensors_of_two_finds_them_where_they_are()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model-00001-of-00002.safetensors", ("a", Dtype.BF16, [40], 1));
            place.Write(side + "/model-00002-of-00002.safetensors", ("b", Dtype.BF16, [40], 1), ("not.in.the.index", Dtype.BF16, [4], 1));
            place.WriteIndex(side, ("a", "model-00001-of-00002.safetensors"), ("b", "model-00001-of-00002.safetensors"));
        }

        PlannedMerge merge = PlanOf(MismatchPolicy.Error);

        Assert.Equal(["a", "b"], merge.Plan.Layout.SelectMany(file => file.Tensors).Select(tensor => tensor.Entry.Name).Order());
        Assert.Contains(merge.Notes, note => note.Contains("names the wrong file for 1 tensor", StringComparison.Ordinal));
    }

    [Fact]
    public void A_segment_anything_model_is_no_adapter()
    {
        place.Write("aligned/model.safetensors", ("prompt_encoder.point_embed.0.weight", Dtype.BF16, [4, 4], 1));

        Assert.Equal("model", Checkpoint.Open(place.PathOf("aligned")).Nature.Kind);
    }

    [Fact]
    public void A_head_is_not_taken_for_the_embedding_where_the_configuration_ties_nothing()
    {
        place.Write("base/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [4, 4], 1));
        place.Write("base/config.json", """{"tie_word_embeddings": false}""");
        place.Write("aligned/model.safetensors", ("model.embed_tokens.weight", Dtype.BF16, [4, 4], 1), ("lm_head.weight", Dtype.BF16, [4, 4], 2));

        Assert.Equal("EXPO1201", Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Untie)).Code);
    }

    [Fact]
    public void Of_a_promised_file_only_what_the_checkpoint_lacks_is_taken_and_it_is_not_said_to_be_unread()
    {
        WriteSharded("base");
        WriteSharded("aligned");
        place.Write("aligned/model-mtp-00001.safetensors", ("model.layers.2.eh_proj.weight", Dtype.BF16, [4], 1), ("model.layers.0.a.weight", Dtype.BF16, [40], 9));
        place.Write("aligned/config.json", """{"num_hidden_layers": 2, "num_nextn_predict_layers": 1}""");

        PlannedMerge merge = PlanOf(Named("*.eh_proj.*", MismatchPolicy.CopyAligned));

        Assert.Equal(3, merge.Plan.Layout.Sum(file => file.Tensors.Length));
        Assert.DoesNotContain(merge.Aligned.Notes, note => note.Contains("is not read", StringComparison.Ordinal));
        Assert.Contains(merge.Aligned.Notes, note => note.StartsWith("model-mtp-00001.safetensors is read", StringComparison.Ordinal));
    }

    [Fact]
    public void A_promised_file_is_read_with_the_prefix_that_training_put_there_taken_away()
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            string prefix = side == "aligned" ? "module." : "";
            place.Write(side + "/model-00001-of-00001.safetensors", (prefix + "model.layers.0.a.weight", Dtype.BF16, [40], 1), (prefix + "model.layers.1.a.weight", Dtype.BF16, [40], 1));
            place.WriteIndex(side, (prefix + "model.layers.0.a.weight", "model-00001-of-00001.safetensors"), (prefix + "model.layers.1.a.weight", "model-00001-of-00001.safetensors"));
        }

        place.Write("aligned/model-mtp-00001.safetensors", ("module.model.layers.2.eh_proj.weight", Dtype.BF16, [4], 1));
        place.Write("aligned/config.json", """{"num_hidden_layers": 2, "num_nextn_predict_layers": 1}""");

        PlannedMerge merge = PlanOf(Named("*.eh_proj.*", MismatchPolicy.CopyAligned));

        Assert.Contains("model.layers.2.eh_proj.weight", merge.Plan.Layout.SelectMany(file => file.Tensors).Select(tensor => tensor.Entry.Name));
    }

    [Fact]
    public void A_stray_that_leads_out_of_the_roots_of_a_server_is_noted_and_not_read()
    {
        WriteSharded("aligned");
        File.Delete(place.PathOf("aligned/model-mtp-00001.safetensors"));
        File.CreateSymbolicLink(place.PathOf("aligned/model-mtp-00001.safetensors"), "/proc/self/environ");

        Checkpoint opened = Checkpoint.Open(place.PathOf("aligned"), roots: new StorageRoots([RealPath.Of(place.PathOf("aligned"))]));

        Assert.Contains(opened.Notes, note => note.Contains("model-mtp-00001.safetensors is not read", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"model_type": "t5"}""", "shared.weight", "lm_head.weight", true)]
    [InlineData("""{"tie_word_embeddings": true}""", "gpt_neox.embed_in.weight", "embed_out.weight", true)]
    [InlineData("""{"tie_word_embeddings": false}""", "gpt_neox.embed_in.weight", "embed_out.weight", false)]
    [InlineData("""{"model_type": "whisper"}""", "model.decoder.embed_tokens.weight", "proj_out.weight", true)]
    [InlineData("""{"text_config": {"tie_word_embeddings": true}}""", "language_model.model.embed_tokens.weight", "language_model.lm_head.weight", true)]
    [InlineData("{}", "model.embed_tokens.weight", "lm_head.weight", true)]
    [InlineData("{}", "model.embed_tokens.weight", "proj_out.weight", false)]
    public void A_head_that_is_not_stored_is_known_where_the_configuration_ties_it(string config, string embedding, string head, bool isKnown)
    {
        place.Write("base/model.safetensors", (embedding, Dtype.BF16, [4, 4], 1));
        place.Write("base/config.json", config);
        place.Write("aligned/model.safetensors", (embedding, Dtype.BF16, [4, 4], 1), (head, Dtype.BF16, [4, 4], 2));

        if (!isKnown)
        {
            Assert.Equal("EXPO1201", Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Untie)).Code);
            return;
        }

        PlannedTensor[] tensors = [.. PlanOf(MismatchPolicy.Untie).Plan.Files[0].Tensors];
        Assert.Equal(tensors[0].Sources[1], tensors[1].Sources[1]);
    }

    [Fact]
    public void Of_two_embeddings_that_are_tied_one_stands_for_the_head()
    {
        place.Write("base/model.safetensors", ("shared.weight", Dtype.BF16, [4, 4], 1), ("decoder.embed_tokens.weight", Dtype.BF16, [4, 4], 1));
        place.Write("base/config.json", """{"tie_word_embeddings": true}""");
        place.Write("aligned/model.safetensors", ("shared.weight", Dtype.BF16, [4, 4], 1), ("decoder.embed_tokens.weight", Dtype.BF16, [4, 4], 1), ("lm_head.weight", Dtype.BF16, [4, 4], 1));

        Assert.Equal(3, PlanOf(MismatchPolicy.Untie).Plan.Files[0].Tensors.Length);
    }

    [Theory]
    [InlineData("h.0.attn.bias", new long[] { 1, 1, 8, 8 })]
    [InlineData("gpt_neox.layers.0.attention.masked_bias", new long[] { })]
    [InlineData("embeddings.position_ids", new long[] { 1, 8 })]
    [InlineData("model.layers.0.self_attn.rotary_emb.cos_cached", new long[] { 1, 1, 8, 4 })]
    [InlineData("bn.num_batches_tracked", new long[] { })]
    [InlineData("transformer.h.0.attn.embed_positions", new long[] { 8, 4 })]
    [InlineData("swin2.layers.0.attn.relative_coords_table", new long[] { 1, 7, 7, 2 })]
    [InlineData("swin2.layers.0.attn.relative_position_index", new long[] { 8, 8 })]
    [InlineData("final_logits_bias", new long[] { 1, 8 })]
    [InlineData("model.encoder.embed_positions.weights", new long[] { 8, 4 })]
    [InlineData("model.alibi_mask", new long[] { 4, 8, 8 })]
    [InlineData("model.future_mask", new long[] { 4, 8, 8 })]
    [InlineData("transformer.rotary_pos_emb", new long[] { 8, 4 })]
    [InlineData("freqs_cis", new long[] { 8, 4 })]
    [InlineData("freqs_cos", new long[] { 8, 4 })]
    [InlineData("model.layers.0.self_attn.rotary_emb.cos", new long[] { 8, 4 })]
    [InlineData("transformer.h.0.crossattention.bias", new long[] { 1, 1, 8, 8 })]
    [InlineData("transformer.h.0.crossattention.masked_bias", new long[] { })]
    [InlineData("pos_encoder.pe", new long[] { 8, 1, 4 })]
    [InlineData("alibi_slopes", new long[] { 8 })]
    [InlineData("decoder.version", new long[] { 1 })]
    [InlineData("n_averaged", new long[] { })]
    [InlineData("model.layers.0.mlp.experts.tokens_per_expert", new long[] { 8 })]
    [InlineData("layers.0.attention._extra_state", new long[] { 40 })]
    public void Buffers_are_taken_from_aligned_or_left_out_with_a_note(string buffer, long[] shape)
    {
        foreach (Dtype dtype in new[] { Dtype.F32, Dtype.I64 })
        {
            place.Write("with/model.safetensors", ("w", Dtype.BF16, [4], 1), (buffer, dtype, shape, 1));
            place.Write("other/model.safetensors", ("w", Dtype.BF16, [4], 1), (buffer, dtype, shape, 2));
            place.Write("without/model.safetensors", ("w", Dtype.BF16, [4], 1));

            Assert.Equal((2, TensorRule.Copy), Fate("without", "with"));
            Assert.Equal((2, TensorRule.Copy), Fate("with", "other"));
            Assert.Equal((1, null), Fate("with", "without"));
            Assert.NotEqual(TensorRule.Copy, Fate("with", "with").Rule);
        }

        (int Count, TensorRule? Rule) Fate(string one, string other)
        {
            PlannedMerge merge = Planner.Plan(new Recipe { Base = place.PathOf(one), Aligned = place.PathOf(other), Alpha = 0.3 });
            Assert.True(one == other || merge.Notes.Any(note => note.Contains(buffer, StringComparison.Ordinal)));
            PlannedTensor? tensor = merge.Plan.Files[0].Tensors.FirstOrDefault(planned => planned.Entry.Name == buffer);
            return (merge.Plan.Files[0].Tensors.Length, tensor?.Rule);
        }
    }

    [Fact]
    public void Masks_of_truth_values_may_have_any_shape()
    {
        place.Write("base/model.safetensors", ("w", Dtype.F32, [8], 1), ("h.0.attn.bias", Dtype.Bool, [1, 1, 4, 8], 1));
        place.Write("aligned/model.safetensors", ("w", Dtype.F32, [8], 1), ("h.0.attn.bias", Dtype.Bool, [1, 1, 8, 8], 0));

        Assert.Equal(TensorRule.Copy, PlanOf(MismatchPolicy.Error).Plan.Files[0].Tensors.Single(tensor => tensor.Entry.Name == "h.0.attn.bias").Rule);
    }

    /// <summary>Of equal numbers the difference is none, and of equal infinities it is no number.</summary>
    [Theory]
    [InlineData("attention.masked_bias", Dtype.F16, 0xFC)]
    [InlineData("model.future_mask", Dtype.F32, 0xFF)]
    [InlineData("attn_mask", Dtype.BF16, 0xFF)]
    public void Equal_buffers_with_infinities_are_copied(string name, Dtype dtype, byte fill)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("w", Dtype.F32, [8], 1), (name, dtype, [4], fill));
        }

        PlannedMerge merge = PlanOf(MismatchPolicy.Error);

        Assert.Equal(TensorRule.Copy, merge.Plan.Files[0].Tensors.Single(tensor => tensor.Entry.Name == name).Rule);
    }

    [Theory]
    [InlineData("""{"time_step_limit": [0.0, Infinity], "model_type": "mamba2"}""")]
    [InlineData("""{"a": -Infinity, "b": [NaN], "c": "NaN, \"Infinity", "model_type": "mamba2"}""")]
    public void Numbers_that_only_Python_writes_are_no_fault_of_a_configuration(string config)
    {
        foreach (string side in new[] { "base", "aligned" })
        {
            place.Write(side + "/model.safetensors", ("w", Dtype.F32, [8], 1));
            place.Write(side + "/config.json", config);
        }

        PlannedMerge merge = PlanOf(MismatchPolicy.Error);

        Assert.Equal("mamba2", merge.Aligned.Nature.Config.ModelType);
        Assert.DoesNotContain(merge.Warnings, warning => warning.Code == "EXPO1227");
    }

    [Theory]
    [InlineData("visual.embed_positions")]
    [InlineData("model.decoder.embed_positions.weight")]
    [InlineData("encoder.embed_positions.weight")]
    [InlineData("lm_head.bias")]
    [InlineData("attn.relative_position_bias_table")]
    [InlineData("bn.running_scale")]
    public void What_is_trained_is_no_buffer(string name)
    {
        place.Write("base/model.safetensors", (name, Dtype.F32, [8, 8], 1));
        place.Write("aligned/model.safetensors", (name, Dtype.F32, [8, 8], 2));

        Assert.Equal(TensorRule.Merge, Assert.Single(PlanOf(MismatchPolicy.Error).Plan.Files[0].Tensors).Rule);
    }

    [Theory]
    [InlineData("layers.0.bn.running_mean")]
    [InlineData("running_var")]
    public void Statistics_of_a_batch_normalisation_are_extrapolated_with_a_warning(string name)
    {
        place.Write("base/model.safetensors", ("layers.0.bn.weight", Dtype.F32, [8], 1), (name, Dtype.F32, [8], 1));
        place.Write("aligned/model.safetensors", ("layers.0.bn.weight", Dtype.F32, [8], 2), (name, Dtype.F32, [8], 2));

        PlannedMerge merge = PlanOf(MismatchPolicy.Error);

        Assert.All(merge.Plan.Files[0].Tensors, tensor => Assert.Equal(TensorRule.Merge, tensor.Rule));
        Assert.Contains(merge.Warnings, warning => warning.Code == "EXPO1229" && warning.Message.Contains("running_", StringComparison.Ordinal));
        var named = new Recipe
        {
            Base = place.PathOf("base"),
            Aligned = place.PathOf("aligned"),
            Alpha = new AlphaRule.ByPattern(new TensorPatterns<double>([new("*running_*", 0), new("*", 0.3)])),
        };
        Assert.DoesNotContain(Planner.Plan(named).Warnings, warning => warning.Code == "EXPO1229");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_is_empty_and_no_weight_may_be_on_one_side_only(bool inAligned)
    {
        (string, Dtype, long[], byte)[] with = [("layer._extra_state", Dtype.U8, [0], 1), ("w", Dtype.F32, [8], 1)];
        (string, Dtype, long[], byte)[] without = [("w", Dtype.F32, [8], 1)];
        place.Write("base/model.safetensors", inAligned ? without : with);
        place.Write("aligned/model.safetensors", inAligned ? with : without);

        PlannedMerge merge = PlanOf(MismatchPolicy.Error);

        Assert.Equal(inAligned ? 2 : 1, merge.Plan.Files[0].Tensors.Length);
        Assert.Contains(merge.Notes, note => note.Contains("layer._extra_state", StringComparison.Ordinal));
    }

    private static MismatchRule.ByPattern Named(string pattern, MismatchPolicy policy) => new(new TensorPatterns<MismatchPolicy>([new(pattern, policy)]));

    private void WriteSharded(string side)
    {
        place.Write(side + "/model-00001-of-00002.safetensors", ("model.layers.0.a.weight", Dtype.BF16, [40], 1));
        place.Write(side + "/model-00002-of-00002.safetensors", ("model.layers.1.a.weight", Dtype.BF16, [40], 1));
        place.Write(side + "/model-mtp-00001.safetensors", ("model.layers.2.eh_proj.weight", Dtype.BF16, [4], 1));
        place.WriteIndex(side, ("model.layers.0.a.weight", "model-00001-of-00002.safetensors"), ("model.layers.1.a.weight", "model-00002-of-00002.safetensors"));
    }

    private PlannedMerge PlanOf(MismatchRule rule) => Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, OnMismatch = rule });
}
