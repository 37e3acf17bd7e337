using System.Text;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

/// <summary>Tied tensors of which one side stores a copy, and the other does not.</summary>
public sealed class TiedCopyTests : IDisposable
{
    private const string Gpt2 = """{"model_type": "gpt2"}""";
    private const string Tied = """{"tie_word_embeddings": true}""";
    private const string Untied = """{"tie_word_embeddings": false}""";

    private readonly TemporaryDirectory place = new();

    public static TheoryData<string, string, string> Pairs => new()
    {
        { Gpt2, "transformer.wte.weight", "lm_head.weight" },
        { Tied, "model.embed_tokens.weight", "lm_head.weight" },
        { """{"model_type": "bert"}""", "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight" },
        { """{"model_type": "bert"}""", "cls.predictions.bias", "cls.predictions.decoder.bias" },
        { """{"model_type": "roberta"}""", "roberta.embeddings.word_embeddings.weight", "lm_head.decoder.weight" },
        { """{"model_type": "roberta"}""", "lm_head.decoder.bias", "lm_head.bias" },
        { """{"model_type": "distilbert"}""", "distilbert.embeddings.word_embeddings.weight", "vocab_projector.weight" },
        { """{"model_type": "mamba"}""", "backbone.embeddings.weight", "lm_head.weight" },
        { """{"tie_embeddings": true, "tie_word_embeddings": true}""", "backbone.embedding.weight", "lm_head.weight" },
        { """{"model_type": "whisper"}""", "model.decoder.embed_tokens.weight", "proj_out.weight" },
        { """{"model_type": "t5"}""", "shared.weight", "lm_head.weight" },
        { """{"model_type": "t5"}""", "shared.weight", "decoder.embed_tokens.weight" },
        { """{"model_type": "t5", "tie_word_embeddings": false}""", "shared.weight", "encoder.embed_tokens.weight" },
        { """{"model_type": "bart"}""", "model.shared.weight", "model.encoder.embed_tokens.weight" },
        { Tied, "lm_head.weight", "model.embed_tokens.weight" },
        { """{"model_type": "modernbert"}""", "model.embeddings.tok_embeddings.weight", "decoder.weight" },
        { """{"model_type": "esm"}""", "esm.embeddings.word_embeddings.weight", "lm_head.decoder.weight" },
        { Tied, "transformer.embeddings.weight", "pred_layer.proj.weight" },
        { Tied, "transformer.word_embedding.weight", "lm_loss.weight" },
        { Tied, "transformer.w.weight", "lm_head.weight" },
        { """{"weight_tying": true}""", "model.transformer.wte.weight", "model.transformer.ff_out.weight" },
        { """{"tie_embedding": true}""", "model.embed_tokens.weight", "lm_head.weight" },
        { """{"model_type": "mpt"}""", "transformer.wte.weight", "lm_head.weight" },
    };

    public void Dispose() => place.Dispose();

    [Theory]
    [MemberData(nameof(Pairs))]
    public void A_copy_that_only_aligned_stores_is_stored_as_the_merged_original_and_stays_tied(string config, string original, string copy)
    {
        Write("base", config, (original, 1));
        Write("aligned", config, (original, 2), (copy, 2));

        foreach (MismatchPolicy word in new[] { MismatchPolicy.Error, MismatchPolicy.Untie, MismatchPolicy.CopyAligned, MismatchPolicy.Drop })
        {
            PlannedMerge merge = PlanOf(word);

            Dictionary<string, PlannedTensor> tensors = merge.Plan.Files[0].Tensors.ToDictionary(tensor => tensor.Entry.Name);
            Assert.Equal(TensorRule.Merge, tensors[copy].Rule);
            Assert.Equal((tensors[original].Sources[0], tensors[original].Sources[1], ExpoMethod.AlphaOf(tensors[original].Parameters)), (tensors[copy].Sources[0], tensors[copy].Sources[1], ExpoMethod.AlphaOf(tensors[copy].Parameters)));
            Assert.Contains(merge.Notes, note => note.StartsWith("1 tensor stored as aligned does", StringComparison.Ordinal) && note.EndsWith(copy, StringComparison.Ordinal));
            Assert.Equal(config, ConfigOf(merge.Plan, config));
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void A_copy_that_only_base_stores_is_left_out_as_aligned_does(string config, string original, string copy)
    {
        Write("base", config, (original, 1), (copy, 1));
        Write("aligned", config, (original, 2));

        PlannedMerge merge = PlanOf(MismatchPolicy.Error);

        Assert.Equal(["w", original], merge.Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name).OrderBy(name => name != "w"));
        Assert.Contains(merge.Notes, note => note.StartsWith("1 tensor not in the output, for in base", StringComparison.Ordinal) && note.EndsWith(copy, StringComparison.Ordinal));
    }

    [Fact]
    public void A_T5_that_stores_all_of_its_copies_is_untied_by_no_word()
    {
        const string config = """{"model_type": "t5", "tie_word_embeddings": true}""";
        Write("base", config, ("shared.weight", 1));
        Write("aligned", config, ("shared.weight", 2), ("encoder.embed_tokens.weight", 2), ("decoder.embed_tokens.weight", 2), ("lm_head.weight", 2));

        Plan plan = PlanOf(MismatchPolicy.Untie).Plan;

        Assert.Equal(5, plan.Files[0].Tensors.Length);
        Assert.Equal(plan.Files[0].Tensors.OrderBy(tensor => tensor.Entry.Begin).Select(tensor => tensor.Entry.Name), plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name));
        Assert.Equal(config, ConfigOf(plan, config));
    }

    [Fact]
    public void A_head_that_is_no_copy_is_untied_as_before()
    {
        Write("base", Tied, ("model.embed_tokens.weight", 1));
        Write("aligned", Tied, ("model.embed_tokens.weight", 2), ("lm_head.weight", 3));

        Assert.Contains("\"tie_word_embeddings\": false", ConfigOf(PlanOf(MismatchPolicy.Untie).Plan, Tied), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Tied, Tied, 3)]
    [InlineData("{}", "{}", 2)]
    [InlineData("{}", "{}", 3)]
    [InlineData("{}", Untied, 2)]
    public void What_is_no_copy_or_not_said_to_be_tied_is_an_error_whose_advice_makes_no_wrong_model(string ofBase, string ofAligned, byte fill)
    {
        Write("base", ofBase, ("model.embed_tokens.weight", 1));
        Write("aligned", ofAligned, ("model.embed_tokens.weight", 2), ("lm_head.weight", fill));

        PlanningException refused = Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Error));

        Assert.Equal("EXPO1208", refused.Code);
        Assert.Contains("untie", refused.Advice, StringComparison.Ordinal);
        Assert.Equal(fill == 3 && ofAligned != Tied, refused.Advice.Contains("copy-aligned", StringComparison.Ordinal));
    }

    [Fact]
    public void A_head_that_does_not_go_with_the_embedding_that_is_tied_is_not_advised_to_be_copied()
    {
        Write("base", Tied, ("model.embed_tokens.weight", 1));
        Write("aligned", Tied, ("model.embed_tokens.weight", 2));
        place.Write(
            "aligned/model.safetensors", ("w", Dtype.BF16, [800], 1), ("model.embed_tokens.weight", Dtype.BF16, [8, 4], 2), ("lm_head.weight", Dtype.BF16, [9, 4], 2));

        Assert.DoesNotContain("copy-aligned", Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Error)).Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_names_a_copy_is_heeded()
    {
        Write("base", Tied, ("model.embed_tokens.weight", 1));
        Write("aligned", Tied, ("model.embed_tokens.weight", 2), ("lm_head.weight", 2));

        PlannedMerge merge = PlanOf(new MismatchRule.ByPattern(new TensorPatterns<MismatchPolicy>([new("lm_head.weight", MismatchPolicy.Drop)])));

        Assert.DoesNotContain("lm_head.weight", merge.Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name));
    }

    [Fact]
    public void Further_rows_of_an_embedding_are_those_of_its_copy_too()
    {
        place.Write("base/model.safetensors", ("w", Dtype.BF16, [800], 1), ("wte.weight", Dtype.BF16, [8, 4], 1));
        place.Write("aligned/model.safetensors", ("w", Dtype.BF16, [800], 2), ("wte.weight", Dtype.BF16, [9, 4], 2), ("lm_head.weight", Dtype.BF16, [9, 4], 2));
        place.Write("base/config.json", Gpt2);
        place.Write("aligned/config.json", Gpt2);

        Assert.Equal([32L, 32L], PlanOf(MismatchPolicy.ExtrapolateCommonRows).Plan.Files[0].Tensors.Select(tensor => tensor.MergedElements).OfType<long>());
    }

    private static string ConfigOf(Plan plan, string config) => Encoding.UTF8.GetString(OutputSideFiles.ContentOf(plan, "config.json", Encoding.UTF8.GetBytes(config)));

    private void Write(string side, string config, params (string Name, byte Fill)[] tensors)
    {
        place.Write(side + "/model.safetensors", [("w", Dtype.BF16, [800], 1), .. tensors.Select(tensor => (tensor.Name, Dtype.BF16, new long[] { 8, 4 }, tensor.Fill))]);
        place.Write(side + "/config.json", config);
    }

    private PlannedMerge PlanOf(MismatchRule rule) =>
        Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, OnMismatch = rule });
}
