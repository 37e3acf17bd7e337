using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Comparison;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Comparison;

public sealed class ComparerTests : IDisposable
{
    private readonly SmallPair pair = new();

    public void Dispose() => pair.Dispose();

    [Fact]
    public void Every_shared_tensor_is_measured_over_all_its_parts()
    {
        CheckpointComparison comparison = Comparer.Compare(pair.Recipe, lanes: 2);

        Assert.Equal(["big", "small"], comparison.Tensors.Select(tensor => tensor.Aligned.Name));
        ComparedTensor big = comparison.Tensors[0];
        Assert.Equal((17_500_000, 17_500_000, 0), (big.Sums.Elements, big.Sums.Changed, big.Sums.Swallowed));
        Assert.Equal((17_500_000.0, 4 * 17_500_000.0, 1.0), (big.Sums.SquaredDelta, big.Sums.SquaredAligned, big.Sums.MaxDelta));
        Assert.Equal(0.5, big.Sums.EffectiveAlpha);
        Assert.Equal(19_750_000, comparison.Total.Elements);
        Assert.False(Directory.Exists(pair.Output.Root));
    }

    [Fact]
    public void Progress_ends_with_all_bytes()
    {
        long last = 0;
        Comparer.Compare(pair.Recipe, lanes: 1, progress: (done, total) => last = done == total ? total : 0);

        Assert.Equal(pair.Plan().Plan.OutputByteCount, last);
    }

    [Fact]
    public void What_is_not_shared_is_listed_and_passed_over()
    {
        using var place = new TemporaryDirectory();
        string baseFile = place.Write(
            "base.safetensors", ("same", Dtype.F32, [2], 1), ("shape", Dtype.F32, [2], 1), ("base only", Dtype.F32, [1], 1), ("count", Dtype.I64, [1], 1));
        string alignedFile = place.Write(
            "aligned.safetensors", ("same", Dtype.F32, [2], 2), ("shape", Dtype.F32, [3], 1), ("aligned only", Dtype.F32, [1], 1), ("count", Dtype.I64, [1], 2));

        CheckpointComparison comparison = Comparer.Compare(new Recipe { Base = baseFile, Aligned = alignedFile, Alpha = 0 }, lanes: 1);

        Assert.Equal(["same"], comparison.Tensors.Select(tensor => tensor.Aligned.Name));
        Assert.Equal("base only", Assert.Single(comparison.OnlyInBase));
        Assert.Equal("aligned only", Assert.Single(comparison.OnlyInAligned));
        Assert.Equal("shape: [2] in base, [3] in aligned", Assert.Single(comparison.ShapesDiffer));
        Assert.Equal("count", Assert.Single(comparison.NotComputed));
    }

    [Fact]
    public void A_missing_checkpoint_is_an_error_of_its_own() => Assert.Throws<CheckpointException>(
        () => Comparer.Compare(pair.Recipe with { Base = "/nowhere" }, lanes: 1));

    [Fact]
    public void A_file_that_is_cut_meanwhile_is_an_error_and_kills_nobody()
    {
        string victim = Path.Join(pair.Base, "model-00001-of-00002.safetensors");

        TensorFileException error = Assert.Throws<TensorFileException>(() => Comparer.Compare(pair.Recipe, lanes: 1, progress: (done, _) =>
        {
            using var file = new FileStream(victim, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            file.SetLength(40_000_000);
        }));

        Assert.Equal(victim, error.File);
    }

    [Fact]
    public void Cancelled_it_stops()
    {
        using var cancellation = new CancellationTokenSource();

        Assert.ThrowsAny<OperationCanceledException>(() => Comparer.Compare(pair.Recipe, lanes: 1, progress: (_, _) => cancellation.Cancel(), cancellation: cancellation.Token));
    }
}
