using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class TensorNamingTests : IDisposable
{
    // Distinct shapes for distinct kinds, as in models.
    private static readonly (string Name, long[] Shape)[] Text =
    [
        ("embed_tokens.weight", [8, 4]),
        .. Enumerable.Range(0, 3).SelectMany(layer => new (string, long[])[]
        {
            ($"layers.{layer}.self_attn.q_proj.weight", [4, 4]), ($"layers.{layer}.mlp.up_proj.weight", [6, 4]), ($"layers.{layer}.input_layernorm.weight", [4]),
        }),
        ("norm.weight", [4]),
    ];

    private static readonly (string Name, long[] Shape)[] Visual =
    [
        .. Enumerable.Range(0, 2).Select(layer => ($"blocks.{layer}.attn.qkv.weight", (long[])[3, 2])), ("merger.mlp.0.weight", [2, 2]),
    ];

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("model.", "model.language_model.")]
    [InlineData("model.language_model.", "language_model.model.")]
    [InlineData("language_model.model.", "model.")]
    [InlineData("", "model.")]
    [InlineData("model.", "")]
    [InlineData("transformer.", "backbone.net.")]
    [InlineData("model.layers_of.", "model.")]
    public void A_prefix_of_the_text_model_is_found_and_its_rename_can_be_pasted(string inBase, string inAligned)
    {
        WritePair([.. Under(inBase, Text), ("lm_head.weight", [8, 4])], [.. Under(inAligned, Text), ("lm_head.weight", [8, 4])]);

        PlanningException refusal = Refusal();

        PlanProblemKind kind = Assert.Single(refusal.Kinds);
        Assert.Equal("EXPO1240", kind.Code);
        Assert.StartsWith("11 of base's 12 tensors are in aligned under other names: ", kind.Message, StringComparison.Ordinal);
        Plan plan = Pasted(kind.Advice).Plan;
        Assert.Equal(12, plan.Files[0].Tensors.Count(tensor => tensor.Rule == TensorRule.Merge));
        Assert.Contains(plan.Files[0].Tensors, tensor => tensor.Entry.Name == inAligned + "norm.weight");
    }

    [Fact]
    public void Several_prefixes_are_found_at_once()
    {
        WritePair(
            [.. Under("model.", Text), .. Under("visual.", Visual), ("lm_head.weight", [8, 4])],
            [.. Under("model.language_model.", Text), .. Under("model.visual.", Visual), ("lm_head.weight", [8, 4])]);

        PlanProblemKind kind = Assert.Single(Refusal().Kinds);

        Assert.Contains("'visual.' in base is 'model.visual.' in aligned", kind.Message, StringComparison.Ordinal);
        Assert.Contains("{from: 'model.', to: 'model.language_model.', in: base}", kind.Advice, StringComparison.Ordinal);
        Assert.Equal(15, Pasted(kind.Advice).Plan.Files[0].Tensors.Length);
    }

    [Fact]
    public void The_names_of_llava_of_before_and_of_now_are_told_apart()
    {
        WritePair(
            [.. Under("language_model.model.", Text), ("language_model.lm_head.weight", [8, 4]), .. Under("vision_tower.", Visual), ("multi_modal_projector.linear_1.weight", [5, 5])],
            [.. Under("model.language_model.", Text), ("lm_head.weight", [8, 4]), .. Under("model.vision_tower.", Visual), ("model.multi_modal_projector.linear_1.weight", [5, 5])]);

        PlanProblemKind kind = Assert.Single(Refusal().Kinds);

        Assert.Equal(16, Pasted(kind.Advice).Plan.Files[0].Tensors.Count(tensor => tensor.Rule == TensorRule.Merge));
    }

    [Fact]
    public void A_word_inside_the_names_is_found_too()
    {
        WritePair(
            [.. Enumerable.Range(0, 12).Select(layer => ($"h.{layer}.attention.q.weight", (long[])[4, 4])), ("norm.weight", [4])],
            [.. Enumerable.Range(0, 12).Select(layer => ($"h.{layer}.attn.q.weight", (long[])[4, 4])), ("norm.weight", [4])]);

        PlanProblemKind kind = Assert.Single(Refusal().Kinds);

        Assert.Contains("{from: 'h.*.attention.*', to: 'h.*.attn.*', in: base}", kind.Advice, StringComparison.Ordinal);
        Assert.Equal(13, Pasted(kind.Advice).Plan.Files[0].Tensors.Count(tensor => tensor.Rule == TensorRule.Merge));
    }

    [Theory]
    [InlineData("transformer.encoder.", "encoder.", "decoder.", "names in base begin with 'transformer.'")]
    [InlineData("model.decoder.", "decoder.", "encoder.", "names in base begin with 'model.'")]
    [InlineData("net.student.", "student.", "teacher.", "names in base begin with 'net.'")]
    [InlineData("x.policy.", "policy.", "ref.", "names in base begin with 'x.'")]
    [InlineData("query_model.", "m.query_encoder.", "m.doc_encoder.", "'query_model.' in base is 'm.query_encoder.' in aligned")]
    public void A_rule_never_turns_one_meaningful_word_into_another(string inBase, string meant, string other, string way)
    {
        WritePair([.. Under(inBase, Text)], [.. Under(meant, Text), .. Under(other, Text)]);

        PlanningException refusal = Refusal();

        Assert.Equal(["EXPO1240", "EXPO1201"], refusal.Kinds.Select(kind => kind.Code));
        Assert.Contains(way, refusal.Kinds[0].Message, StringComparison.Ordinal);
        Assert.DoesNotContain(other, refusal.Kinds[0].Advice, StringComparison.Ordinal);
        Plan plan = Pasted(refusal.Kinds[0].Advice, recipe => recipe with { OnMismatch = ByName((other + "*", MismatchPolicy.Drop)) }).Plan;
        Assert.All(plan.Files[0].Tensors, tensor => Assert.StartsWith(meant, tensor.Entry.Name, StringComparison.Ordinal));
    }

    [Fact]
    public void Of_a_model_and_a_small_one_beside_it_the_whole_one_is_meant()
    {
        (string, long[])[] draft = [.. Text.Where(tensor => !tensor.Name.Contains(".1.", StringComparison.Ordinal) && !tensor.Name.Contains(".2.", StringComparison.Ordinal) && tensor.Name.StartsWith("layers", StringComparison.Ordinal))];
        WritePair([.. Under("model.text_model.", Text)], [.. Under("text_model.", Text), .. Under("draft.", draft)]);

        PlanningException refusal = Refusal();

        Assert.Equal(["EXPO1240", "EXPO1201"], refusal.Kinds.Select(kind => kind.Code));
        Assert.Contains("{from: 'model.', to: '', in: base}", refusal.Kinds[0].Advice, StringComparison.Ordinal);

        WritePair([.. Under("model.", Text)], [.. Under("lm.", Text), .. Under("small.", draft)]);
        Assert.Contains("{from: 'model.', to: 'lm.', in: base}", Refusal().Kinds[0].Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.", "actor.model.", "critic.model.")]
    [InlineData("model.", "policy.", "ema.")]
    [InlineData("", "a.", "b.")]
    public void Where_the_names_do_not_tell_which_is_meant_both_are_said_and_none_is_proposed(string inBase, string one, string other)
    {
        WritePair([.. Under(inBase, Text)], [.. Under(one, Text), .. Under(other, Text)]);

        PlanProblemKind kind = Assert.Single(Refusal().Kinds);

        Assert.Equal("EXPO1240", kind.Code);
        Assert.Contains($"'{one.Replace("model.", "", StringComparison.Ordinal)}", kind.Message, StringComparison.Ordinal);
        Assert.Contains($"'{other.Replace("model.", "", StringComparison.Ordinal)}", kind.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("from:", kind.Advice, StringComparison.Ordinal);

        WritePair([.. Under(one, Text), .. Under(other, Text)], [.. Under(inBase, Text)]);
        kind = Assert.Single(Refusal().Kinds);
        Assert.StartsWith("11 of aligned's tensors may be several of base's each", kind.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("from:", kind.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_beside_an_adapter_that_is_gone_are_named()
    {
        (string, long[])[] unmerged = [.. Under("model.", Text).Select(tensor => (tensor.Name.Replace("q_proj.", "q_proj.base_layer.", StringComparison.Ordinal), tensor.Shape))];
        WritePair([.. Under("model.", Text)], unmerged);

        PlanProblemKind kind = Assert.Single(Refusal().Kinds);

        Assert.Equal("EXPO1240", kind.Code);
        Assert.StartsWith("3 tensors of aligned have PEFT's 'base_layer' in their names", kind.Message, StringComparison.Ordinal);
        Assert.Contains("merge_and_unload", kind.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_said_of_a_head_whose_embedding_has_another_name()
    {
        WritePair([.. Under("model.", Text)], [.. Under("language_model.model.", Text), ("language_model.lm_head.weight", [8, 4])]);
        place.Write("base/config.json", """{"tie_word_embeddings": true}""");
        place.Write("aligned/config.json", """{"tie_word_embeddings": true}""");

        Assert.Equal("EXPO1240", Assert.Single(Refusal().Kinds).Code);
    }

    [Fact]
    public void What_only_one_side_has_is_told_beside_it()
    {
        WritePair([.. Under("model.", Text)], [.. Under("model.language_model.", Text), .. Under("model.visual.", Visual)]);

        PlanningException refusal = Refusal();

        Assert.Equal([("EXPO1240", 11), ("EXPO1201", 3)], refusal.Kinds.Select(kind => (kind.Code, kind.Count)));
        Assert.Equal("model.visual.*", refusal.Kinds[1].Pattern.Replace("*.weight", "*", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(MismatchPolicy.CopyAligned)]
    [InlineData(MismatchPolicy.Drop)]
    public void One_word_for_all_mismatches_does_not_hide_that_names_differ(MismatchPolicy policy)
    {
        WritePair([.. Under("model.", Text), ("lm_head.weight", [800, 4])], [.. Under("model.language_model.", Text), ("lm_head.weight", [800, 4])]);
        PlannedMerge little = PlanOf(recipe => recipe with { OnMismatch = policy });
        WritePair([.. Under("model.", Text), ("lm_head.weight", [8, 4])], [.. Under("model.language_model.", Text), ("lm_head.weight", [8, 4])]);

        Assert.Contains(little.Notes, note => note.Contains("rename: [{from: 'model.'", StringComparison.Ordinal));
        Assert.Equal("EXPO1240", Assert.Throws<PlanningException>(() => PlanOf(recipe => recipe with { OnMismatch = policy })).Code);
        Assert.Equal("EXPO1240", Assert.Throws<PlanningException>(() => PlanOf(recipe => recipe with { OnMismatch = ByName(("*", policy)) })).Code);
        Assert.Equal("EXPO1240", Assert.Throws<PlanningException>(() => PlanOf(recipe => recipe with { OnMismatch = ByName(("lm_head*", policy), ("*", policy)) })).Code);
        MismatchRule.ByPattern named = ByName(("model.*", policy));
        Assert.NotEmpty(PlanOf(recipe => recipe with { OnMismatch = named }).Plan.Files);
    }

    [Theory]
    [InlineData("LayerNorm.gamma", "LayerNorm.beta", "LayerNorm.weight", "LayerNorm.bias")]
    [InlineData("LayerNorm.weight", "LayerNorm.bias", "LayerNorm.gamma", "LayerNorm.beta")]
    [InlineData("layer_norm.gamma", "layer_norm.beta", "layer_norm.weight", "layer_norm.bias")]
    public void Norms_of_TensorFlow_are_those_of_PyTorch_under_other_names(string gamma, string beta, string weight, string bias)
    {
        WritePair(
            [("bert.encoder.layer.0.w.weight", [4, 4]), ("bert.encoder.layer.0." + gamma, [4]), ("bert.encoder.layer.0." + beta, [4])],
            [("bert.encoder.layer.0.w.weight", [4, 4]), ("bert.encoder.layer.0." + weight, [4]), ("bert.encoder.layer.0." + bias, [4])]);

        PlannedMerge merge = PlanOf();

        Assert.Contains("2 tensors of norms in base taken by aligned's names: gamma is weight, and beta is bias", merge.Notes);
        Assert.Equal(3, merge.Plan.Files[0].Tensors.Count(tensor => tensor.Rule == TensorRule.Merge));
        Assert.Contains(merge.Plan.Files[0].Tensors, tensor => tensor.Entry.Name == "bert.encoder.layer.0." + weight);
    }

    [Fact]
    public void Norms_of_TensorFlow_under_another_prefix_are_found_with_it()
    {
        WritePair(
            [("bert.layers.0.w.weight", [4, 4]), ("bert.layers.0.LayerNorm.gamma", [4]), ("bert.layers.0.LayerNorm.beta", [4])],
            [("layers.0.w.weight", [4, 4]), ("layers.0.LayerNorm.weight", [4]), ("layers.0.LayerNorm.bias", [4])]);

        PlanProblemKind kind = Assert.Single(Refusal().Kinds);

        Assert.Equal("EXPO1240", kind.Code);
        Assert.Equal(3, Pasted(kind.Advice).Plan.Files[0].Tensors.Count(tensor => tensor.Rule == TensorRule.Merge));
    }

    [Fact]
    public void A_gamma_that_scales_a_layer_is_no_norm()
    {
        WritePair([("layers.0.w.weight", [4, 4]), ("layers.0.scale.gamma", [4])], [("layers.0.w.weight", [4, 4]), ("layers.0.scale.weight", [4])]);

        Assert.Equal(["EXPO1201", "EXPO1202"], Refusal().Kinds.Select(kind => kind.Code));
    }

    [Fact]
    public void A_gamma_that_both_have_keeps_its_name()
    {
        WritePair([("a.LayerNorm.gamma", [4]), ("a.LayerNorm.weight", [4])], [("a.LayerNorm.gamma", [4]), ("a.LayerNorm.weight", [4])]);

        Assert.Empty(PlanOf().Notes);
    }

    [Fact]
    public void Names_of_unrelated_models_are_no_pattern()
    {
        WritePair([("a.x.weight", [4]), ("b.y.weight", [5])], [("c.z.weight", [6]), ("d.w.weight", [7])]);

        Assert.Equal(["EXPO1201", "EXPO1202"], Refusal().Kinds.Select(kind => kind.Code));
    }

    [Fact]
    public void Tensors_of_other_shapes_are_not_taken_for_the_same()
    {
        WritePair([.. Under("model.", Text)], [.. Under("model.language_model.", Text).Select(tensor => (tensor.Name, (long[])[.. tensor.Shape, 2]))]);

        Assert.Equal(["EXPO1201", "EXPO1202"], Refusal().Kinds.Select(kind => kind.Code));
    }

    [Theory]
    [InlineData("module.", "")]
    [InlineData("", "module.")]
    [InlineData("_orig_mod.", "")]
    [InlineData("module._orig_mod.", "")]
    [InlineData("_orig_mod.module.", "")]
    [InlineData("", "_fsdp_wrapped_module.")]
    [InlineData("base_model.model.", "")]
    [InlineData("module.", "_orig_mod.")]
    [InlineData("_forward_module.module.", "")]
    public void What_training_puts_in_front_goes_by_itself_with_a_note(string inBase, string inAligned)
    {
        WritePair(Under(inBase, Text), Under(inAligned, Text));

        PlannedMerge merge = PlanOf();

        Assert.Equal(Text.Select(tensor => tensor.Name).Order(), merge.Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name).Order());
        Assert.All(merge.Plan.Files[0].Tensors, tensor => Assert.Equal(TensorRule.Merge, tensor.Rule));
        Assert.Equal(inBase.Length > 0 && inAligned.Length > 0 ? 2 : 1, merge.Notes.Length);
        Assert.All(merge.Notes, note => Assert.Contains("for training puts it there", note, StringComparison.Ordinal));
    }

    [Fact]
    public void Wrappers_inside_the_names_go_too()
    {
        WritePair(
            [.. Text.Select(tensor => (tensor.Name.Replace("layers.1.", "layers.1._fsdp_wrapped_module._checkpoint_wrapped_module.", StringComparison.Ordinal), tensor.Shape))],
            Text);

        Assert.Contains("'_fsdp_wrapped_module.', '_checkpoint_wrapped_module.' left out of the names of 3 tensors of base", Assert.Single(PlanOf().Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void What_both_sides_have_stays_and_is_told()
    {
        WritePair(Under("module.", Text), Under("module.", Text));

        PlannedMerge merge = PlanOf();

        Assert.All(merge.Plan.Files[0].Tensors, tensor => Assert.StartsWith("module.", tensor.Entry.Name, StringComparison.Ordinal));
        Assert.Contains("'module.'", Assert.Single(merge.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Layers_that_are_numbered_otherwise_are_no_other_name()
    {
        WritePair(Text, [.. Text.Select(tensor => (tensor.Name.Replace("layers.0.", "layers.7.", StringComparison.Ordinal), tensor.Shape))]);

        Assert.DoesNotContain("rename:", Refusal().Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tied_model_whose_names_have_a_prefix_is_told_of_nothing_but_the_prefix()
    {
        WritePair([.. Under("", Text)], Under("transformer.", Text));

        PlanProblem problem = Assert.Single(Refusal().Problems);
        Assert.Equal("EXPO1240", problem.Code);
        Assert.Contains("names in aligned begin with 'transformer.', and those in base do not", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_prefix_of_an_adapter_is_none_of_training()
    {
        WritePair([.. Under("base_model.model.", Text), ("base_model.model.layers.0.q.lora_A.weight", [2])], Text);

        Assert.Equal("EXPO1211", Refusal().Code);
    }

    [Fact]
    public void Where_a_prefix_taken_away_would_make_two_tensors_one_it_stays()
    {
        WritePair([.. Under("module.", Text), ("norm.weight", [4])], Text);

        Assert.Equal("EXPO1240", Refusal().Code);
    }

    [Fact]
    public void Renamed_tensors_of_aligned_are_written_under_their_new_names()
    {
        WritePair([("a.w", [4]), ("b", [2])], [("x.w", [4]), ("b", [2])]);

        PlannedMerge merge = PlanOf(new TensorRename("x.", "a.", RenamedSide.Aligned), new TensorRename("q.", "r.", RenamedSide.Base));

        Assert.Equal(["a.w", "b"], merge.Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name).Order());
        Assert.Equal(
            ["rename: 'q.' matches no tensor of base", "rename: 1 tensor of aligned renamed, 'x.' to 'a.'; the output has the new names"], merge.Notes.AsEnumerable());
    }

    [Theory]
    [InlineData("a.", "b.")]
    [InlineData("?.w", "?.w1")]
    [InlineData("a.w", "")]
    public void Names_that_clash_are_an_error(string from, string to)
    {
        WritePair([("a.w", [4]), ("b.w", [2]), ("a.w1", [2])], [("a.w", [4])]);
        if (to == "?.w1")
        {
            WritePair([("a.w", [4]), ("a.w1", [2])], [("a.w", [4])]);
        }

        PlanningException refusal = Assert.Throws<PlanningException>(() => PlanOf(new TensorRename(from, to, RenamedSide.Base)));

        Assert.Equal("EXPO1241", refusal.Code);
        Assert.Contains("base (", refusal.Message, StringComparison.Ordinal);
    }

    private static (string Name, long[] Shape)[] Under(string prefix, (string Name, long[] Shape)[] tensors) =>
        [.. tensors.Select(tensor => (prefix + tensor.Name, tensor.Shape))];

    // As a user does: the line of the error goes into the recipe.
    private PlannedMerge Pasted(string advice, Func<Recipe, Recipe>? change = null)
    {
        string line = advice[advice.IndexOf("rename:", StringComparison.Ordinal)..];
        string yaml = $"base: '{place.PathOf("base")}'\naligned: '{place.PathOf("aligned")}'\nalpha: 0.3\n{line}\n";
        Recipe recipe = RecipeDraft.FromYaml(yaml, "r.yaml").Validate().Recipe!;
        return Planner.Plan(change is null ? recipe : change(recipe));
    }

    private void WritePair((string Name, long[] Shape)[] inBase, (string Name, long[] Shape)[] inAligned)
    {
        place.Write("base/model.safetensors", [.. inBase.Select(tensor => (tensor.Name, Dtype.BF16, tensor.Shape, (byte)1))]);
        place.Write("aligned/model.safetensors", [.. inAligned.Select(tensor => (tensor.Name, Dtype.BF16, tensor.Shape, (byte)2))]);
    }

    private static MismatchRule.ByPattern ByName(params (string Match, MismatchPolicy Policy)[] rules) =>
        new MismatchRule.ByPattern(new TensorPatterns<MismatchPolicy>([.. rules.Select(rule => new TensorPattern<MismatchPolicy>(rule.Match, rule.Policy))]));

    private PlannedMerge PlanOf(Func<Recipe, Recipe> change) =>
        Planner.Plan(change(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 }));

    private PlannedMerge PlanOf(params TensorRename[] renames) =>
        Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, Renames = [.. renames] });

    private PlanningException Refusal() => Assert.Throws<PlanningException>(() => PlanOf());
}
