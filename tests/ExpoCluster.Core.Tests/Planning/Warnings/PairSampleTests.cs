using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.Planning.Warnings;

/// <summary>The sample looks at a little of both sides, the same each time, and changes nothing of what is planned.</summary>
public sealed class PairSampleTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Fact]
    public void The_plan_is_the_same_with_and_without_it()
    {
        Write("base", (index, _) => MathF.Sin(index));
        Write("aligned", (index, tensor) => MathF.Cos(index + tensor));

        PlannedMerge with = Plan();
        PlannedMerge without = Plan(new PlanOptions { TakesSample = false });

        Assert.Equal(with.Plan.Digest, without.Plan.Digest);
        Assert.Contains(with.Warnings, warning => warning.Code == PlanWarning.Unrelated);
        Assert.Empty(without.Warnings);
        Assert.Equal(with.Warnings.AsEnumerable(), Plan().Warnings.AsEnumerable());
    }

    [Theory]
    [InlineData(Dtype.BF16)]
    [InlineData(Dtype.F16)]
    [InlineData(Dtype.F32)]
    [InlineData(Dtype.F64)]
    public void Of_a_large_pair_it_reads_a_few_megabytes(Dtype dtype)
    {
        // 300 MB on each side that take no disk: their bytes are holes.
        foreach (string side in new[] { "base", "aligned" })
        {
            WriteHoles(side, [.. Enumerable.Range(0, 100).Select(i => ($"model.layers.{i}.mlp.up_proj.weight", dtype, 3_000_000L * 8 / dtype.Bits()))]);
        }

        // What is read is counted: more than this would end the plan.
        var work = new PlanningWork(CancellationToken.None);
        work.SpendBytes(PlanningWork.MaxBytes - (17 << 20));

        Assert.NotNull(Planner.Plan(RecipeOf(), work: work).Plan);
    }

    [Theory]
    [InlineData("equal", false)]
    [InlineData("trained", false)]
    [InlineData("opposite", true)]
    [InlineData("scaled", true)]
    [InlineData("zeros", false)]
    [InlineData("not numbers", false)]
    public void It_tells_pairs_from_others(string aligned, bool warns)
    {
        static float Base(int index, int tensor) => MathF.Sin((index * 12.9898f) + tensor);
        Write("base", Base);
        Write("aligned", (index, tensor) => aligned switch
        {
            "equal" => Base(index, tensor),
            "trained" => Base(index, tensor) + (0.02f * MathF.Cos(index)),
            "opposite" => -Base(index, tensor),
            "scaled" => 8 * Base(index, tensor),
            "zeros" => 0,
            _ => index % 7 == 0 ? float.NaN : Base(index, tensor),
        });

        Assert.Equal(warns, Plan().Warnings.Any(warning => warning.Code == PlanWarning.Unrelated));
    }

    private PlannedMerge Plan(PlanOptions? options = null) => Planner.Plan(RecipeOf(), options: options);

    private Recipe RecipeOf() => new() { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.5 };

    private void Write(string side, Func<int, int, float> value)
    {
        const int Tensors = 5;
        const int Elements = 32 * 32;
        string path = place.Write(
            side + "/model.safetensors",
            [.. Enumerable.Range(0, Tensors).Select(i => ($"model.layers.{i}.mlp.up_proj.weight", Dtype.F32, new long[] { 32, 32 }, (byte)0))]);
        float[] values = [.. Enumerable.Range(0, Tensors).SelectMany(tensor => Enumerable.Range(0, Elements).Select(index => value(index, tensor)))];
        using FileStream file = File.OpenWrite(path);
        file.Seek(-sizeof(float) * values.Length, SeekOrigin.End);
        file.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }

    private void WriteHoles(string side, ImmutableArray<(string Name, Dtype Dtype, long Elements)> tensors)
    {
        Directory.CreateDirectory(place.PathOf(side));
        ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(
            tensors.Select(tensor => (tensor.Name, tensor.Dtype, ImmutableArray.Create(1000, tensor.Elements / 1000))));
        using FileStream file = File.Create(place.PathOf(side, "model.safetensors"));
        file.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
        file.SetLength(file.Length + entries[^1].End);
    }
}
