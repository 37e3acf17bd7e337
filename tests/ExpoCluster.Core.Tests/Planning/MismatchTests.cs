using System.Text;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class MismatchTests : IDisposable
{
    private const string Embedding = "model.embed_tokens.weight";
    private const string Head = "lm_head.weight";

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData("model.embed_tokens.weight", true)]
    [InlineData("score.weight", false)]
    [InlineData("classifier.weight", false)]
    public void Only_rows_that_are_tokens_are_advised_to_be_joined_by_position(string name, bool areTokens)
    {
        place.Write("base/model.safetensors", (name, Dtype.F32, [2, 8], 1));
        place.Write("aligned/model.safetensors", (name, Dtype.F32, [3, 8], 2));

        PlanningException refusal = Refusal(MismatchPolicy.Error);

        Assert.Equal(areTokens, (refusal.Message + refusal.Advice).Contains("extrapolate-common-rows", StringComparison.Ordinal));
    }

    [Fact]
    public void Further_rows_of_aligned_are_copied_and_the_plan_says_how_many_are_not()
    {
        WritePair([(Embedding, [32, 4])], [(Embedding, [33, 4])]);

        PlannedMerge merge = PlanOf(MismatchPolicy.ExtrapolateCommonRows);

        PlannedTensor tensor = Assert.Single(merge.Plan.Files[0].Tensors);
        Assert.Equal((TensorRule.Merge, 0.3, 128L), (tensor.Rule, ExpoMethod.AlphaOf(tensor.Parameters), tensor.MergedElements));
        Assert.Equal([33, 4], tensor.Entry.Shape.AsEnumerable());
        Assert.Equal((128 * 2, 132 * 2 + 128 * 2), (tensor.ByteCountOf(tensor.Sources[1]), merge.Plan.InputByteCount));
        Assert.Equal(
            $"1 tensor extrapolated in the rows that base has too, and copied from aligned in the others: {Embedding} (32 of 33 extrapolated)",
            Assert.Single(merge.Notes));
        Assert.EndsWith(",\"BF16\"],128]]}]}", Encoding.UTF8.GetString(merge.Plan.CanonicalJson.Span), StringComparison.Ordinal);
        Plan again = PlanJson.Read(merge.Plan.CanonicalJson);
        Assert.Equal((merge.Plan.Digest, 128L), (again.Digest, again.Files[0].Tensors[0].MergedElements));
    }

    [Fact]
    public void Further_rows_of_base_are_left_out()
    {
        WritePair([(Embedding, [34, 4])], [(Embedding, [32, 4])]);

        PlannedMerge merge = PlanOf(MismatchPolicy.ExtrapolateCommonRows);

        PlannedTensor tensor = Assert.Single(merge.Plan.Files[0].Tensors);
        Assert.Equal((TensorRule.Merge, null, 128 * 2L), (tensor.Rule, tensor.MergedElements, tensor.ByteCountOf(tensor.Sources[1])));
        Assert.Equal([32, 4], tensor.Entry.Shape.AsEnumerable());
        Assert.Equal(
            $"1 tensor extrapolated in the rows that aligned has; base's further rows are not in the output: {Embedding} (32 of 34)",
            Assert.Single(merge.Notes));
    }

    [Theory]
    [InlineData(new long[] { 32, 4 }, new long[] { 34, 5 })]
    [InlineData(new long[] { 32 }, new long[] { 34 })]
    [InlineData(new long[] { 2, 2, 4 }, new long[] { 3, 2, 4 })]
    [InlineData(new long[] { 32, 4 }, new long[] { 32 })]
    public void Rows_are_common_only_to_matrices_of_as_many_columns(long[] inBase, long[] inAligned)
    {
        WritePair([("w", inBase)], [("w", inAligned)]);

        PlanProblem problem = Assert.Single(Refusal(MismatchPolicy.ExtrapolateCommonRows).Problems);

        Assert.Equal(("EXPO1209", "w"), (problem.Code, problem.Tensor));
        Assert.Contains($"[{string.Join(", ", inAligned)}] in aligned and [{string.Join(", ", inBase)}] in base", problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Common_rows_say_nothing_about_tensors_of_one_side_only()
    {
        WritePair([("w", [2, 2]), ("b", [2, 2])], [("w", [2, 2]), ("a", [2, 2])]);

        Assert.Equal(["EXPO1201", "EXPO1202"], Refusal(MismatchPolicy.ExtrapolateCommonRows).Problems.Select(problem => problem.Code));
    }

    [Fact]
    public void Each_tensor_follows_the_first_pattern_that_matches_it_and_else_is_an_error()
    {
        WritePair([(Embedding, [2, 4]), ("both", [1]), ("x.w", [1])], [(Embedding, [3, 4]), ("both", [1]), ("x.w", [2]), ("y.w", [1]), ("z.w", [1])]);
        MismatchRule rule = Patterns(
            ("*embed*", MismatchPolicy.ExtrapolateCommonRows), ("x.*", MismatchPolicy.CopyAligned), ("*.w", MismatchPolicy.Drop));

        PlannedMerge merge = PlanOf(rule);

        Assert.Equal(["both", Embedding, "x.w"], merge.Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name).Order(StringComparer.Ordinal));
        Assert.Equal(3, merge.Notes.Length);
        Assert.Equal(["y.w", "z.w"], Refusal(Patterns(("*embed*", MismatchPolicy.Drop), ("x.*", MismatchPolicy.Drop))).Problems.Select(problem => problem.Tensor));
    }

    [Fact]
    public void A_tensor_that_only_base_has_follows_its_pattern_too()
    {
        WritePair([("a", [20]), ("b", [1]), ("c", [1])], [("a", [20])]);

        PlanProblem problem = Assert.Single(Refusal(Patterns(("b", MismatchPolicy.CopyAligned))).Problems);

        Assert.Equal(("EXPO1202", "c"), (problem.Code, problem.Tensor));
        Assert.StartsWith("2 tensors not in the output", Assert.Single(PlanOf(Patterns(("b", MismatchPolicy.CopyAligned), ("*", MismatchPolicy.Drop))).Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void A_head_that_base_ties_to_its_embedding_is_an_error_that_explains()
    {
        WritePair([(Embedding, [8, 4])], [(Embedding, [8, 4]), (Head, [8, 4])]);

        PlanningException exception = Refusal(MismatchPolicy.Error);

        PlanProblem problem = Assert.Single(exception.Problems);
        Assert.Equal(("EXPO1208", Head), (problem.Code, problem.Tensor));
        Assert.Contains($"uses its embedding '{Embedding}' as head", problem.Message, StringComparison.Ordinal);
        Assert.Contains("untie", exception.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Embedding, Head)]
    [InlineData("model.tok_embeddings.weight", "output.weight")]
    [InlineData("language_model.model.embed_tokens.weight", "language_model.lm_head.weight")]
    public void Untied_it_is_extrapolated_against_that_embedding(string embedding, string head)
    {
        WritePair([(embedding, [8, 4])], [(embedding, [8, 4]), (head, [8, 4])]);

        PlannedMerge merge = PlanOf(Patterns((head, MismatchPolicy.Untie)));

        Dictionary<string, PlannedTensor> tensors = merge.Plan.Files[0].Tensors.ToDictionary(tensor => tensor.Entry.Name);
        Assert.Equal((TensorRule.Merge, 0.3), (tensors[head].Rule, ExpoMethod.AlphaOf(tensors[head].Parameters)));
        Assert.Equal(tensors[embedding].Sources[1], tensors[head].Sources[1]);
        Assert.NotEqual(tensors[embedding].Sources[0], tensors[head].Sources[0]);
        Assert.Equal($"1 tensor extrapolated against base's embedding, which base uses as its head: {head}", Assert.Single(merge.Notes));
    }

    [Fact]
    public void What_cannot_be_untied_says_why()
    {
        WritePair([(Embedding, [8, 4])], [(Embedding, [8, 4]), (Head, [9, 4])]);

        PlanProblem problem = Assert.Single(Refusal(MismatchPolicy.Untie).Problems);

        Assert.Equal("EXPO1208", problem.Code);
        Assert.Contains("BF16 [8, 4] does not go with BF16 [9, 4]", problem.Message, StringComparison.Ordinal);
        Assert.Single(PlanOf(Patterns((Head, MismatchPolicy.CopyAligned))).Notes);
    }

    [Theory]
    [InlineData(MismatchPolicy.Error, false)]
    [InlineData(MismatchPolicy.Untie, false)]
    [InlineData(MismatchPolicy.CopyAligned, true)]
    [InlineData(MismatchPolicy.Drop, true)]
    public void Where_aligned_is_the_tied_one_the_output_is_tied_if_the_recipe_accepts_that(MismatchPolicy policy, bool accepts)
    {
        WritePair([(Embedding, [8, 4]), (Head, [8, 4])], [(Embedding, [8, 4])]);

        if (accepts)
        {
            Assert.Equal([Embedding], PlanOf(policy).Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name));
        }
        else
        {
            Assert.Equal(("EXPO1208", Head), Assert.Single(Refusal(policy).Problems.Select(problem => (problem.Code, problem.Tensor))));
        }
    }

    [Theory]
    [InlineData("model.layers.0.output.weight")]
    [InlineData("lm_head.bias")]
    public void What_is_no_head_is_not_taken_for_one(string tensor)
    {
        WritePair([(Embedding, [8, 4])], [(Embedding, [8, 4]), (tensor, [8, 4])]);

        Assert.Equal("EXPO1201", Refusal(MismatchPolicy.Untie).Code);
    }

    [Fact]
    public void A_head_under_another_name_is_no_tied_one()
    {
        WritePair([(Embedding, [8, 4]), ("output.weight", [8, 4])], [(Embedding, [8, 4]), (Head, [8, 4])]);

        Assert.Equal(["EXPO1201", "EXPO1202"], Refusal(MismatchPolicy.Untie).Problems.Select(problem => problem.Code));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Derived_buffers_are_dropped_whichever_side_has_them_even_of_other_shapes(bool inBase, bool inAligned)
    {
        const string buffer = "model.layers.0.self_attn.rotary_emb.inv_freq";
        (string, long[])[] shared = [("w", [4])];
        WritePair(inBase ? [.. shared, (buffer, [64])] : shared, inAligned ? [.. shared, (buffer, [32])] : shared);

        PlannedMerge merge = PlanOf(MismatchPolicy.Error);

        Assert.Equal(["w"], merge.Plan.Files[0].Tensors.Select(tensor => tensor.Entry.Name));
        Assert.Equal($"1 tensor left out, for it is derived from the configuration: {buffer}", Assert.Single(merge.Notes));
    }

    [Fact]
    public void Integers_that_are_equal_are_copied_and_others_follow_their_pattern()
    {
        place.Write("base/model.safetensors", ("same", Dtype.I64, [2], 1), ("ids", Dtype.I64, [2], 1), ("w", Dtype.BF16, [2], 1));
        place.Write("aligned/model.safetensors", ("same", Dtype.I64, [2], 1), ("ids", Dtype.I64, [2], 2), ("w", Dtype.BF16, [2], 1));

        Assert.Equal("EXPO1204", Refusal(MismatchPolicy.ExtrapolateCommonRows).Code);
        Assert.Equal(
            [("ids", TensorRule.Copy), ("same", TensorRule.CopyEqual), ("w", TensorRule.Merge)],
            PlanOf(Patterns(("ids", MismatchPolicy.CopyAligned))).Plan.Files[0].Tensors.Select(tensor => (tensor.Entry.Name, tensor.Rule)).Order());
    }

    private static MismatchRule.ByPattern Patterns(params (string Match, MismatchPolicy Policy)[] entries) =>
        new(new TensorPatterns<MismatchPolicy>([.. entries.Select(entry => new TensorPattern<MismatchPolicy>(entry.Match, entry.Policy))]));

    private void WritePair((string Name, long[] Shape)[] inBase, (string Name, long[] Shape)[] inAligned)
    {
        place.Write("base/model.safetensors", [.. inBase.Select(tensor => (tensor.Name, Dtype.BF16, tensor.Shape, (byte)1))]);
        place.Write("aligned/model.safetensors", [.. inAligned.Select(tensor => (tensor.Name, Dtype.BF16, tensor.Shape, (byte)2))]);
    }

    private PlannedMerge PlanOf(MismatchRule rule) =>
        Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, OnMismatch = rule });

    private PlanningException Refusal(MismatchRule rule) => Assert.Throws<PlanningException>(() => PlanOf(rule));
}
