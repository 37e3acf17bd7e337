using System.Collections.Immutable;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Samples;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class PlanningWorkTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Patterns_that_cost_too_much_are_refused()
    {
        WritePair(tensors: 300, nameLength: 250);
        Recipe recipe = RecipeOf(new([.. Patterns(count: 400, string.Concat(Enumerable.Repeat("*a", 100)) + "*b").Entries, new("*", 0.3)]));
        var work = new PlanningWork(CancellationToken.None);
        work.SpendMatching(PlanningWork.MaxMatchSteps - 10_000_000);

        UsageException refusal = Assert.Throws<UsageException>(() => Planner.Plan(recipe, hub: null, work));

        Assert.Equal("EXPO2040", refusal.Code);
        Assert.Contains("4000000000 comparisons", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_pattern_that_might_cost_too_much_by_itself_is_refused_before_it_is_tried()
    {
        string name = new('a', 1_000_000);

        UsageException refusal = Assert.Throws<UsageException>(() => Patterns(1, new string('*', 600) + "b").Find(name));

        Assert.Equal("EXPO2040", refusal.Code);
    }

    [Fact]
    public void A_thousand_patterns_go_with_as_many_tensors_as_a_great_model_has()
    {
        const int Tensors = 100_000;
        const int Rounds = 2;
        var work = new PlanningWork(CancellationToken.None);
        TensorPatterns<double> patterns = Patterns(count: 1000, "*.no_such_layer.*");

        Assert.Null(patterns.Find("model.layers.12.mlp.experts.7.up_proj.weight", work));
        work.SpendMatching(PlanningWork.MaxMatchSteps - (PlanningWork.MaxMatchSteps / Tensors / Rounds));
        Assert.Throws<UsageException>(() => work.SpendMatching(PlanningWork.MaxMatchSteps / Tensors / Rounds));
    }

    [Fact]
    public void More_tensors_than_a_plan_takes_are_refused()
    {
        var work = new PlanningWork(CancellationToken.None);
        work.SpendTensors((int)PlanningWork.MaxTensors);

        UsageException refusal = Assert.Throws<UsageException>(() => work.SpendTensors(1));

        Assert.Equal("EXPO2041", refusal.Code);
        Assert.Contains("2000000 tensors", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Headers_count_of_both_checkpoints()
    {
        WritePair(tensors: 3, nameLength: 10);
        var work = new PlanningWork(CancellationToken.None);
        work.SpendBytes(PlanningWork.MaxBytes - 100);

        UsageException refusal = Assert.Throws<UsageException>(() => Planner.Plan(RecipeOf(Patterns(1, "*")), hub: null, work));

        Assert.Equal("EXPO2041", refusal.Code);
        Assert.Contains("headers", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_planned_that_nobody_waits_for()
    {
        WritePair(tensors: 3, nameLength: 10);
        using var client = new CancellationTokenSource();
        client.Cancel();

        Assert.Throws<OperationCanceledException>(() => Planner.Plan(RecipeOf(Patterns(1, "*")), hub: null, new PlanningWork(client.Token)));
    }

    [Fact]
    public void Matching_ends_when_nobody_waits_any_more()
    {
        using var client = new CancellationTokenSource();
        var work = new PlanningWork(client.Token);
        client.Cancel();

        Assert.Throws<OperationCanceledException>(() => Patterns(1, "x*").Find("a", work));
    }

    private static TensorPatterns<double> Patterns(int count, string match) =>
        new([.. Enumerable.Range(0, count).Select(_ => new TensorPattern<double>(match, 0.3))]);

    private Recipe RecipeOf(TensorPatterns<double> patterns) => new()
    {
        Base = place.PathOf("s/base"), Aligned = place.PathOf("s/aligned"), Alpha = new AlphaRule.ByPattern(patterns),
    };

    private void WritePair(int tensors, int nameLength) => SampleCheckpoint.WritePair(
        place.PathOf("s"),
        [.. Enumerable.Range(0, tensors).Select(number => new SampleTensor(
            new string('a', nameLength) + number.ToString(System.Globalization.CultureInfo.InvariantCulture), Dtype.F32, ImmutableArray.Create(1L)))],
        seed: 1,
        maxShardBytes: long.MaxValue);
}
