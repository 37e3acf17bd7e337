using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class PlannedAlphaTests : IDisposable
{
    private static readonly string[] Names =
        ["model.embed_tokens.weight", "model.layers.0.w", "model.layers.1.w", "model.layers.2.w", "model.norm.weight"];

    private readonly TemporaryDirectory place = new();

    public PlannedAlphaTests()
    {
        (string, Dtype, long[], byte)[] tensors = [.. Names.Select(name => (name, Dtype.BF16, new long[] { 4 }, (byte)1)), ("ids", Dtype.I64, [1], 7)];
        place.Write("base/model.safetensors", tensors);
        place.Write("aligned/model.safetensors", tensors);
    }

    public void Dispose() => place.Dispose();

    [Fact]
    public void Every_tensor_gets_the_alpha_of_its_pattern_and_the_plan_counts_them()
    {
        PlannedMerge merge = PlanOf(Patterns(("*.layers.1.*", 0.5), ("model.*", 0.1)));

        Assert.Equal([0.1, 0.1, 0.5, 0.1, 0.1], AlphasOf(merge.Plan));
        Assert.Equal([(0.1, 4), (0.5, 1)], merge.Plan.Alphas.AsEnumerable());
        Assert.Empty(merge.Notes);
    }

    [Fact]
    public void By_depth_every_layer_gets_its_own() =>
        Assert.Equal([0.1, 0.1, 0.3, 0.5, 0.1], AlphasOf(PlanOf(new AlphaRule.ByDepth([0.1, 0.5])).Plan).Select(alpha => Math.Round(alpha, 12)));

    [Fact]
    public void The_first_tensor_without_an_alpha_is_named_and_copied_ones_need_none()
    {
        UsageException exception = Assert.Throws<UsageException>(() => PlanOf(Patterns(("*.layers.*", 0.5))));

        Assert.Equal("EXPO2021", exception.Code);
        Assert.Contains("'model.embed_tokens.weight'", exception.Message, StringComparison.Ordinal);
        Assert.Contains("match: '*'", exception.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pattern_that_decides_about_nothing_is_noted()
    {
        PlannedMerge merge = PlanOf(Patterns(("*.layer.*", 0.5), ("*", 0.1), ("*.layers.1.*", 0.5)));

        Assert.Equal(["alpha: '*.layer.*' decides about no tensor", "alpha: '*.layers.1.*' decides about no tensor"], merge.Notes.AsEnumerable());
    }

    [Fact]
    public void A_list_that_gives_all_the_same_number_gives_the_same_plan_as_the_number() =>
        Assert.Equal(PlanOf(0.3).Plan.Digest, PlanOf(Patterns(("*.layers.*", 0.3), ("*", 0.3))).Plan.Digest);

    private static AlphaRule.ByPattern Patterns(params (string Match, double Alpha)[] entries) =>
        new(new TensorPatterns<double>([.. entries.Select(entry => new TensorPattern<double>(entry.Match, entry.Alpha))]));

    private static IEnumerable<double> AlphasOf(Plan plan) =>
        Names.Select(name => ExpoMethod.AlphaOf(plan.Files[0].Tensors.Single(tensor => tensor.Entry.Name == name).Parameters));

    private PlannedMerge PlanOf(AlphaRule alpha) =>
        Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = alpha });
}
