using System.Collections.Immutable;
using System.Globalization;
using BenchmarkDotNet.Attributes;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Benchmarks;

/// <summary>From two directories to a plan: headers are read, tensors joined, output laid out, the plan encoded and digested.</summary>
[MemoryDiagnoser]
public class PlanBenchmarks
{
    private string root = "";
    private Recipe recipe = null!;

    /// <summary>A model of 7 billion parameters has 291.</summary>
    [Params(291, 10_000, 100_000)]
    public int Tensors { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        root = Directory.CreateTempSubdirectory("expocluster-benchmark-").FullName;
        recipe = new Recipe { Base = WriteOutline("base"), Aligned = WriteOutline("aligned"), Alpha = 0.3, Output = Path.Join(root, "out") };
    }

    [GlobalCleanup]
    public void CleanUp() => Directory.Delete(root, recursive: true);

    [Benchmark]
    public PlannedMerge Plan() => Planner.Plan(recipe);

    // Planning reads headers only, so the data are a hole.
    private string WriteOutline(string side)
    {
        string directory = Directory.CreateDirectory(Path.Join(root, side)).FullName;
        ImmutableArray<SafetensorsTensor> tensors = SafetensorsLayout.Arrange(Enumerable.Range(0, Tensors).Select(
            number => (string.Create(CultureInfo.InvariantCulture, $"model.layers.{number}.weight"), Dtype.BF16, ImmutableArray.Create(64L, 64L))));
        byte[] header = SafetensorsHeader.Encode(tensors, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt"));
        using FileStream stream = File.Create(Path.Join(directory, "model.safetensors"));
        stream.Write(header);
        stream.SetLength(header.Length + tensors[^1].End);
        return directory;
    }
}
