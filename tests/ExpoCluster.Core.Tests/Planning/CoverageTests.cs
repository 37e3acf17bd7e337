using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class CoverageTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Bytes_are_counted_as_computed_copied_and_others()
    {
        place.Write("base/model.safetensors", ("a", Dtype.BF16, [1000], 1), ("e.weight", Dtype.BF16, [10, 2], 1), ("n", Dtype.I64, [3], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.BF16, [1000], 2), ("e.weight", Dtype.BF16, [12, 2], 2), ("n", Dtype.I64, [3], 1), ("v.0.w", Dtype.BF16, [50], 1), ("v.1.w", Dtype.BF16, [50], 1));

        Coverage coverage = PlanOf(Patterns(("v.*", MismatchPolicy.CopyAligned), ("e.weight", MismatchPolicy.ExtrapolateCommonRows))).Coverage;

        Assert.Equal((2040L, 208L, 3, 24L, 1), (coverage.MergedBytes, coverage.CopiedBytes, coverage.CopiedTensors, coverage.OtherBytes, coverage.OtherTensors));
        Assert.Equal([("v.*.w", 2, 200L), ("e.weight", 1, 8L)], coverage.Kinds.Select(kind => (kind.Pattern, kind.Tensors, kind.Bytes)));
        Assert.Equal(1, coverage.MergedShare + coverage.CopiedShare, 12);
        Assert.StartsWith("merged ", coverage.ToString(), StringComparison.Ordinal);
        Assert.Contains(" (91 %); copied ", coverage.ToString(), StringComparison.Ordinal);
        Assert.EndsWith("3 tensors, v.*.w (2), e.weight", coverage.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MismatchPolicy.CopyAligned, 10, true)]
    [InlineData(MismatchPolicy.CopyAligned, 11, false)]
    [InlineData(MismatchPolicy.Drop, 10, true)]
    [InlineData(MismatchPolicy.Drop, 11, false)]
    public void A_word_for_all_tensors_may_leave_a_tenth(MismatchPolicy word, long percent, bool isTaken)
    {
        WriteShare(percent);

        if (isTaken)
        {
            Assert.Equal(word == MismatchPolicy.Drop ? 1 : 0.9, PlanOf(word).Coverage.MergedShare, 9);
            return;
        }

        PlanningException refused = Assert.Throws<PlanningException>(() => PlanOf(word));
        Assert.Equal("EXPO1214", Assert.Single(refused.Problems).Code);
        Assert.Contains("(11 %)", refused.Message, StringComparison.Ordinal);
        Assert.Contains("visual.*.weight", refused.Message, StringComparison.Ordinal);
        Assert.Equal("EXPO1214", Assert.Throws<PlanningException>(() => PlanOf(Patterns(("*", word)))).Code);
    }

    [Theory]
    [InlineData(MismatchPolicy.CopyAligned)]
    [InlineData(MismatchPolicy.Drop)]
    public void Nor_may_it_leave_out_more_of_base(MismatchPolicy word)
    {
        place.Write("base/model.safetensors", ("a", Dtype.BF16, [880], 1), ("layers.3.w", Dtype.BF16, [120], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.BF16, [880], 1));

        PlanningException refused = Assert.Throws<PlanningException>(() => PlanOf(word));

        Assert.Equal("EXPO1214", refused.Code);
        Assert.Contains("of base's floating-point bytes", refused.Message, StringComparison.Ordinal);
        PlanOf(Patterns(("layers.3.*", MismatchPolicy.Drop)));
    }

    [Theory]
    [InlineData("visual.0.weight")]
    [InlineData("visual.*")]
    public void Who_names_tensors_means_them(string pattern)
    {
        WriteShare(60);

        Assert.Equal(0.4, PlanOf(Patterns((pattern, MismatchPolicy.CopyAligned), ("*", MismatchPolicy.Error))).Coverage.MergedShare, 9);
    }

    [Fact]
    public void Integers_that_are_equal_are_copied_without_a_word()
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [1], 1), ("n", Dtype.I64, [1000], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [1], 2), ("n", Dtype.I64, [1000], 1));

        Assert.True(PlanOf(MismatchPolicy.CopyAligned).Coverage.IsWhole);
    }

    [Theory]
    [InlineData(Dtype.U16, new long[] { 30, 30 }, "U16")]
    [InlineData(Dtype.U8, new long[] { 97 }, "U8")]
    [InlineData(Dtype.U16, new long[] { 1000, 1000 }, "U16")]
    public void A_model_of_integers_alone_is_an_error_whatever_the_word_for_all_tensors(Dtype dtype, long[] shape, string name)
    {
        place.Write("base/model.safetensors", ("a.weight", dtype, shape, 1), ("b.weight", dtype, shape, 1));
        place.Write("aligned/model.safetensors", ("a.weight", dtype, shape, 2), ("b.weight", dtype, shape, 2));

        PlanningException refused = Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.CopyAligned));
        Assert.Equal("EXPO1214", refused.Code);
        Assert.DoesNotContain("copy-aligned", refused.Advice, StringComparison.Ordinal);
        PlanningException told = Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Error));
        Assert.Equal(shape[0] == 1000 ? "EXPO1214" : "EXPO1204", told.Code);
        Assert.DoesNotContain("copy-aligned", told.Advice, StringComparison.Ordinal);
        Assert.Contains(name, told.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MismatchPolicy.CopyAligned, false)]
    [InlineData(MismatchPolicy.Drop, false)]
    [InlineData(MismatchPolicy.CopyAligned, true)]
    public void Integers_that_differ_count_as_uncomputed_where_a_word_for_all_tensors_covers_them(MismatchPolicy word, bool haveOtherLengths)
    {
        place.Write("base/model.safetensors", ("a", Dtype.F32, [100], 1), ("b.weight", Dtype.U8, [97], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.F32, [100], 2), ("b.weight", Dtype.U8, [haveOtherLengths ? 95 : 97], 2));

        Assert.Equal("EXPO1214", Assert.Throws<PlanningException>(() => PlanOf(word)).Code);
        Assert.DoesNotContain("copy-aligned", Assert.Throws<PlanningException>(() => PlanOf(MismatchPolicy.Error)).Advice, StringComparison.Ordinal);
        Assert.Equal(1, PlanOf(Patterns(("b.*", MismatchPolicy.CopyAligned))).Coverage.OtherTensors);
    }

    private static MismatchRule.ByPattern Patterns(params (string Match, MismatchPolicy Policy)[] entries) =>
        new(new TensorPatterns<MismatchPolicy>([.. entries.Select(entry => new TensorPattern<MismatchPolicy>(entry.Match, entry.Policy))]));

    private void WriteShare(long percent)
    {
        place.Write("base/model.safetensors", ("a", Dtype.BF16, [1000 - (10 * percent)], 1));
        place.Write("aligned/model.safetensors", ("a", Dtype.BF16, [1000 - (10 * percent)], 2), ("visual.0.weight", Dtype.BF16, [10 * percent], 1));
    }

    private PlannedMerge PlanOf(MismatchRule rule) => Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, OnMismatch = rule });
}
