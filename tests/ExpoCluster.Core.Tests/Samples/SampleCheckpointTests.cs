using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Samples;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Tests.Samples;

public sealed class SampleCheckpointTests : IDisposable
{
    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData(1_000_000, Dtype.BF16)]
    [InlineData(4_000_000, Dtype.F32)]
    [InlineData(64_000_000, Dtype.BF16)]
    [InlineData(2_000_000_000, Dtype.BF16)]
    [InlineData(14_500_000_000, Dtype.F16)]
    [InlineData(100_000_000_000, Dtype.BF16)]
    public void It_is_about_as_large_as_asked(long bytes, Dtype dtype)
    {
        long total = SampleCheckpoint.LlamaLike(bytes, dtype).Sum(tensor => Elements(tensor) * dtype.Bits() / 8);

        Assert.InRange((double)total / bytes, 0.97, 1.03);
    }

    [Fact]
    public void Both_sides_open_and_have_the_same_tensors()
    {
        SampleCheckpoint.WritePair(place.PathOf("s"), SampleCheckpoint.LlamaLike(3_000_000, Dtype.BF16), seed: 1, maxShardBytes: 1_000_000);

        Checkpoint first = Checkpoint.Open(place.PathOf("s", "base"));
        Checkpoint second = Checkpoint.Open(place.PathOf("s", "aligned"));

        Assert.True(first.Shards.Length >= 3);
        Assert.Equal(first.Tensors.Keys.Order(), second.Tensors.Keys.Order());
        Assert.Equal(["aligned", "base"], Directory.EnumerateFileSystemEntries(place.PathOf("s")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        ImmutableArray<SampleTensor> tensors = SampleCheckpoint.LlamaLike(1_000_000, Dtype.BF16);
        SampleCheckpoint.WritePair(place.PathOf("a"), tensors, seed: 1, maxShardBytes: long.MaxValue);
        SampleCheckpoint.WritePair(place.PathOf("b"), tensors, seed: 1, maxShardBytes: long.MaxValue);
        SampleCheckpoint.WritePair(place.PathOf("c"), tensors, seed: 2, maxShardBytes: long.MaxValue);

        byte[] Weights(string name) => File.ReadAllBytes(place.PathOf(name, "aligned", "model.safetensors"));
        Assert.Equal(Weights("a"), Weights("b"));
        Assert.NotEqual(Weights("a"), Weights("c"));
    }

    [Fact]
    public void No_block_repeats()
    {
        SampleCheckpoint.WritePair(place.PathOf("s"), SampleCheckpoint.LlamaLike(4_000_000, Dtype.BF16), seed: 1, maxShardBytes: long.MaxValue);

        byte[] bytes = File.ReadAllBytes(place.PathOf("s", "base", "model.safetensors"));
        string[] blocks = [.. bytes.Chunk(4096).Select(Convert.ToBase64String)];

        Assert.Equal(blocks.Length, blocks.Distinct().Count());
    }

    [Fact]
    public void Weights_look_like_a_models_and_deltas_like_those_of_preference_training()
    {
        SampleCheckpoint.WritePair(place.PathOf("s"), [new SampleTensor("t", Dtype.F32, [200_000])], seed: 1, maxShardBytes: long.MaxValue);

        float[] before = Values("base");
        float[] after = Values("aligned");

        Assert.InRange(Deviation(before), 0.019, 0.021);
        Assert.InRange(Deviation([.. before.Zip(after, (one, other) => other - one)]), 0.00028, 0.00032);
    }

    [Fact]
    public void Integers_are_the_same_on_both_sides()
    {
        ImmutableArray<SampleTensor> tensors = [new SampleTensor("n", Dtype.I64, [1000]), new SampleTensor("b", Dtype.Bool, [77]), new SampleTensor("f", Dtype.F64, [3])];
        SampleCheckpoint.WritePair(place.PathOf("s"), tensors, seed: 1, maxShardBytes: long.MaxValue);
        Checkpoint first = Checkpoint.Open(place.PathOf("s", "base"));
        Checkpoint second = Checkpoint.Open(place.PathOf("s", "aligned"));

        foreach (string name in new[] { "n", "b" })
        {
            Assert.Equal(Bytes(first, name), Bytes(second, name));
        }

        Assert.NotEqual(Bytes(first, "f"), Bytes(second, "f"));
    }

    [Fact]
    public void What_is_there_is_not_overwritten()
    {
        place.Write("s/aligned/precious", "x");

        Assert.Equal("EXPO1141", Assert.Throws<CheckpointException>(
            () => SampleCheckpoint.WritePair(place.PathOf("s"), [new SampleTensor("t", Dtype.F32, [2])], 1, long.MaxValue)).Code);
        Assert.False(Directory.Exists(place.PathOf("s", "base")));
    }

    private float[] Values(string side) => MemoryMarshal.Cast<byte, float>(Bytes(Checkpoint.Open(place.PathOf("s", side)), "t")).ToArray();

    private static byte[] Bytes(Checkpoint checkpoint, string name)
    {
        CheckpointTensor tensor = checkpoint.Tensors[name];
        return File.ReadAllBytes(checkpoint.Shards[tensor.Shard].Path).AsSpan((int)tensor.Offset, (int)tensor.ByteCount).ToArray();
    }

    private static double Deviation(float[] values)
    {
        double mean = values.Average(value => (double)value);
        return Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
    }

    private static long Elements(SampleTensor tensor) => tensor.Shape.Aggregate(1L, (count, extent) => count * extent);
}
