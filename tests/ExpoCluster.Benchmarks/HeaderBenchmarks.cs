using System.Collections.Immutable;
using BenchmarkDotNet.Attributes;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Benchmarks;

/// <summary>Parsing a header, from a toy's to that of a giant.</summary>
[MemoryDiagnoser]
public class HeaderBenchmarks
{
    private byte[] header = [];
    private long fileLength;

    [Params(10, 1_000, 100_000)]
    public int Tensors { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        ImmutableArray<SafetensorsTensor> tensors = SafetensorsLayout.Arrange(
            Enumerable.Range(0, Tensors).Select(number => ($"model.layers.{number}.weight", Dtype.BF16, ImmutableArray.Create(64L, 64L))));
        header = SafetensorsHeader.Encode(tensors, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt"));
        fileLength = header.Length + tensors[^1].End;
    }

    [Benchmark]
    public SafetensorsHeader Parse() => SafetensorsHeader.Parse(header, fileLength, "benchmark");
}
