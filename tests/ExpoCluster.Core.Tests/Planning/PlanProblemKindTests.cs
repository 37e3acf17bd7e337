using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class PlanProblemKindTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Hundreds_of_tensors_that_one_side_lacks_are_one_problem_of_each_side()
    {
        WritePair(
            [.. Enumerable.Range(0, 80).SelectMany(layer => new[] { ($"h.{layer}.q", Dtype.BF16, (long[])[2]), ($"h.{layer}.k", Dtype.BF16, [2]) })],
            [.. Enumerable.Range(0, 80).Select(layer => ($"layers.{layer}.attention.w", Dtype.BF16, (long[])[2]))]);

        PlanningException exception = Refusal();

        Assert.Equal([("EXPO1201", 80, "layers.*.attention.w"), ("EXPO1202", 160, "h.*")], exception.Kinds.Select(kind => (kind.Code, kind.Count, kind.Pattern)));
        Assert.StartsWith("80 tensors are in aligned (", exception.Kinds[0].Message, StringComparison.Ordinal);
        Assert.EndsWith("layers.*.attention.w (80).", exception.Kinds[0].Message, StringComparison.Ordinal);
        Assert.Contains("h.*.k (80), h.*.q (80)", exception.Kinds[1].Message, StringComparison.Ordinal);
        Assert.Equal(240, exception.Problems.Length);
        Assert.Equal(160, exception.Kinds[1].NamesWithin().Count());
        Assert.Equal(5, exception.Kinds[1].Examples.Length);
        Assert.Equal(2, exception.Message.Split('\n').Length);
    }

    [Fact]
    public void What_is_most_of_a_model_is_not_advised_to_be_copied()
    {
        WritePair([("same", Dtype.BF16, [8]), ("a", Dtype.BF16, [8])], [("same", Dtype.BF16, [8]), ("b", Dtype.BF16, [8])]);

        PlanningException exception = Refusal();

        Assert.DoesNotContain("copy-aligned", exception.Advice, StringComparison.Ordinal);
        Assert.Contains("50 % of a model", exception.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_little_of_a_model_may_be_copied_and_the_rule_is_ready_to_paste()
    {
        WritePair([("same", Dtype.BF16, [1000])], [("same", Dtype.BF16, [1000]), ("score.0.weight", Dtype.BF16, [8]), ("score.1.weight", Dtype.BF16, [8])]);

        string advice = Refusal().Advice;

        Assert.Contains("on_mismatch: [{match: 'score.*.weight', policy: copy-aligned}]", advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Dtype.F8E4M3, new long[] { 4 }, false)]
    [InlineData(Dtype.U8, new long[] { 4, 4 }, false)]
    [InlineData(Dtype.I32, new long[] { 4, 4 }, false)]
    [InlineData(Dtype.I64, new long[] { 1, 4 }, true)]
    [InlineData(Dtype.Bool, new long[] { 4, 4 }, true)]
    [InlineData(Dtype.U8, new long[] { 4 }, true)]
    public void Numbers_that_may_be_codes_are_not_advised_to_be_copied(Dtype dtype, long[] shape, bool mayBeCopied)
    {
        place.Write("base/model.safetensors", ("w", Dtype.BF16, [4000], 1), ("x", dtype, shape, 0));
        place.Write("aligned/model.safetensors", ("w", Dtype.BF16, [4000], 1), ("x", dtype, shape, 1));

        PlanningException differing = Refusal();
        place.Write("base/model.safetensors", ("w", Dtype.BF16, [4000], 1), ("x", Dtype.BF16, shape, 0));
        PlanningException mixed = Refusal();

        Assert.Equal(("EXPO1204", "EXPO1205"), (differing.Code, mixed.Code));
        Assert.Equal(mayBeCopied, differing.Advice.Contains("--on-mismatch copy-aligned", StringComparison.Ordinal));
        Assert.Equal(mayBeCopied, mixed.Advice.Contains("--on-mismatch copy-aligned", StringComparison.Ordinal));
    }

    [Fact]
    public void Embeddings_of_other_lengths_are_advised_to_be_extrapolated_in_their_common_rows()
    {
        WritePair([("embed", Dtype.BF16, [32, 4])], [("embed", Dtype.BF16, [33, 4])]);

        string advice = Refusal().Advice;

        Assert.Contains("on_mismatch: [{match: 'embed', policy: extrapolate-common-rows}]", advice, StringComparison.Ordinal);
        Assert.DoesNotContain("drop", advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_kind_has_its_own_advice_and_none_is_told_twice()
    {
        WritePair(
            [("w", Dtype.BF16, [4000]), ("e", Dtype.BF16, [3, 2]), ("b1", Dtype.BF16, [1])],
            [("w", Dtype.BF16, [4000]), ("e", Dtype.BF16, [4, 2]), ("a1", Dtype.BF16, [1]), ("a2", Dtype.BF16, [1])]);

        PlanningException exception = Refusal();

        Assert.Equal(["EXPO1201", "EXPO1203", "EXPO1202"], exception.Kinds.Select(kind => kind.Code));
        Assert.Contains("extrapolate-common-rows", exception.Kinds[1].Advice, StringComparison.Ordinal);
        Assert.Contains("a1, a2", exception.Kinds[0].Message, StringComparison.Ordinal);
        Assert.Equal("b1", exception.Kinds[2].Path);
    }

    [Fact]
    public void Problems_about_which_nothing_common_is_said_are_one_too()
    {
        var exception = new PlanningException([.. Enumerable.Range(0, 9).Select(i => new PlanProblem("EXPO1204", $"h.{i}.x", $"tensor {i} is odd."))]);

        PlanProblemKind kind = Assert.Single(exception.Kinds);
        Assert.Equal("tensor 0 is odd. The same of 8 more: h.*.x (8).", kind.Message);
    }

    [Fact]
    public void Names_are_told_up_to_so_many_characters()
    {
        var kind = new PlanProblemKind("EXPO1201", "m", "a", [.. Enumerable.Range(0, 100).Select(i => new string('x', 5000) + i)]);

        Assert.Equal(100, kind.Count);
        Assert.InRange(kind.NamesWithin(10_000).Count(), 5, 10);
    }

    private void WritePair((string Name, Dtype Dtype, long[] Shape)[] inBase, (string Name, Dtype Dtype, long[] Shape)[] inAligned)
    {
        place.Write("base/model.safetensors", [.. inBase.Select(tensor => (tensor.Name, tensor.Dtype, tensor.Shape, (byte)1))]);
        place.Write("aligned/model.safetensors", [.. inAligned.Select(tensor => (tensor.Name, tensor.Dtype, tensor.Shape, (byte)1))]);
    }

    private PlanningException Refusal() => Assert.Throws<PlanningException>(
        () => Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 }));
}
