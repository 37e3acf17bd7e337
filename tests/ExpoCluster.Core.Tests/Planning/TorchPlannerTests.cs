using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class TorchPlannerTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void Files_keep_their_partition_under_the_names_of_safetensors()
    {
        WriteSharded("aligned", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin");
        place.Write("base/model.safetensors", ("a", Dtype.F32, [2], 1), ("b", Dtype.F32, [3], 2), ("c", Dtype.F32, [4], 3));

        Plan plan = PlanOf().Plan;

        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], plan.Files.Select(file => file.Name));
        Assert.Equal([["c"], ["a", "b"]], plan.Files.Select(file => file.Tensors.Select(tensor => tensor.Entry.Name)));
    }

    [Fact]
    public void Files_of_other_names_are_counted_anew()
    {
        WriteSharded("aligned", "part-a.bin", "part-b.bin");
        WriteSharded("base", "x.bin", "y.bin");

        Assert.Equal(["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], PlanOf().Plan.Files.Select(file => file.Name));
    }

    [Fact]
    public void A_split_by_size_follows_the_order_of_the_state_dict()
    {
        (string, Dtype, long[], byte)[] tensors = [("z", Dtype.F32, [2], 1), ("a", Dtype.F32, [2], 1), ("m", Dtype.F32, [2], 1), ("b", Dtype.F32, [2], 1)];
        place.WriteTorch("aligned/pytorch_model.bin", tensors);
        place.WriteTorch("base/pytorch_model.bin", tensors);

        Plan plan = PlanOf(recipe => recipe with { MaxShardBytes = 16 }).Plan;

        Assert.Equal([["a", "z"], ["b", "m"]], plan.Files.Select(file => file.Tensors.Select(tensor => tensor.Entry.Name)));
    }

    [Fact]
    public void Buffers_of_base_are_left_out_and_noted()
    {
        place.WriteTorch("aligned/pytorch_model.bin", ("w", Dtype.BF16, [2], 1));
        place.WriteTorch("base/pytorch_model.bin", ("w", Dtype.BF16, [2], 1), ("model.layers.0.self_attn.rotary_emb.inv_freq", Dtype.F32, [64], 1));

        PlannedMerge merge = PlanOf();

        Assert.Single(merge.Plan.Files[0].Tensors);
        Assert.Contains("inv_freq", Assert.Single(merge.Notes), StringComparison.Ordinal);
    }

    private void WriteSharded(string side, string first, string second)
    {
        place.WriteTorch($"{side}/{first}", ("c", Dtype.F32, [4], 4));
        place.WriteTorch($"{side}/{second}", ("a", Dtype.F32, [2], 5), ("b", Dtype.F32, [3], 6));
        place.WriteTorchIndex(side, ("a", second), ("b", second), ("c", first));
    }

    private PlannedMerge PlanOf(Func<Recipe, Recipe>? change = null)
    {
        var recipe = new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 };
        return Planner.Plan(change?.Invoke(recipe) ?? recipe);
    }
}
