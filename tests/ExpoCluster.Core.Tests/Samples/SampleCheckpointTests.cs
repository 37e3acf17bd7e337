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

    [Fact]
    public void A_size_below_the_smallest_model_gives_the_smallest() =>
        Assert.All(SampleCheckpoint.LlamaLike(1000, Dtype.BF16), tensor => Assert.True(Elements(tensor) > 0));

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

    [Theory]
    [InlineData(Dtype.BF16)]
    [InlineData(Dtype.F32)]
    public void It_is_about_as_large_as_asked_at_every_size_in_between(Dtype dtype)
    {
        for (double bytes = 1e6 * dtype.Bits() / 16; bytes < 1e11; bytes *= 1.07)
        {
            long total = SampleCheckpoint.LlamaLike((long)bytes, dtype).Sum(tensor => Elements(tensor) * dtype.Bits() / 8);

            Assert.True(Math.Abs((total / bytes) - 1) <= 0.03, $"{total} bytes for {bytes}");
        }
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

    [Theory]
    [InlineData(Dtype.BF16)]
    [InlineData(Dtype.F16)]
    [InlineData(Dtype.F64)]
    public void Every_dtype_rounds_the_same_values(Dtype dtype)
    {
        // Odd, and longer than what is computed at a time.
        ImmutableArray<long> shape = [70_001];
        SampleCheckpoint.WritePair(place.PathOf("s"), [new SampleTensor("t", Dtype.F32, shape)], seed: 1, maxShardBytes: long.MaxValue);
        SampleCheckpoint.WritePair(place.PathOf("n"), [new SampleTensor("t", dtype, shape)], seed: 1, maxShardBytes: long.MaxValue);

        byte[] narrow = Bytes(Checkpoint.Open(place.PathOf("n", "aligned")), "t");

        Assert.Equal(Values("aligned").SelectMany(value => Round(value, dtype)), narrow);
    }

    [Fact]
    public void Every_dtype_opens_and_only_arithmetic_ones_differ_between_the_sides()
    {
        ImmutableArray<SampleTensor> tensors = [.. Enum.GetValues<Dtype>().Select(dtype => new SampleTensor(dtype.ToString(), dtype, [64]))];
        SampleCheckpoint.WritePair(place.PathOf("s"), tensors, seed: 1, maxShardBytes: long.MaxValue);
        Checkpoint first = Checkpoint.Open(place.PathOf("s", "base"));
        Checkpoint second = Checkpoint.Open(place.PathOf("s", "aligned"));

        IEnumerable<string> different = tensors.Select(tensor => tensor.Name).Where(name => !Bytes(first, name).SequenceEqual(Bytes(second, name)));

        Assert.Equal(["F16", "BF16", "F32", "F64"], different);
        Assert.All(Bytes(first, "Bool"), value => Assert.InRange(value, 0, 1));
    }

    [Fact]
    public void The_index_of_a_sample_in_several_files_states_the_true_size()
    {
        SampleCheckpoint.WritePair(place.PathOf("s"), SampleCheckpoint.LlamaLike(3_000_000, Dtype.BF16), seed: 1, maxShardBytes: 1_000_000);

        Assert.Empty(Checkpoint.Open(place.PathOf("s", "base")).Notes);
        Assert.False(File.Exists(place.PathOf("s", "base", "model.safetensors")));
        Assert.All(Directory.GetFiles(place.PathOf("s", "base"), "*.safetensors"), file => Assert.InRange(new FileInfo(file).Length, 1, 1_010_000));
    }

    [Fact]
    public void The_file_that_a_tensor_is_in_does_not_change_its_values()
    {
        ImmutableArray<SampleTensor> tensors = [new SampleTensor("t", Dtype.BF16, [1000]), new SampleTensor("u", Dtype.BF16, [1000])];
        SampleCheckpoint.WritePair(place.PathOf("a"), tensors, seed: 1, maxShardBytes: 2000);
        SampleCheckpoint.WritePair(place.PathOf("b"), [.. tensors.Reverse()], seed: 1, maxShardBytes: long.MaxValue);

        Assert.Equal(Bytes(Checkpoint.Open(place.PathOf("a", "base")), "u"), Bytes(Checkpoint.Open(place.PathOf("b", "base")), "u"));
    }

    [Fact]
    public void Ranges_of_a_tensor_are_those_of_the_whole()
    {
        var values = new SampleValues(seed: 1, isAligned: true);
        byte[] whole = new byte[10 << 20];
        values.Fill("t", Dtype.BF16, 0, whole);

        byte[] range = new byte[6 << 20];
        values.Fill("t", Dtype.BF16, 4 << 20, range);

        Assert.True(whole.AsSpan(4 << 20).SequenceEqual(range));
    }

    [Fact]
    public void An_interrupted_pair_can_be_made_again()
    {
        place.Write("s/base.unfinished/model.safetensors", "half");

        SampleCheckpoint.WritePair(place.PathOf("s"), [new SampleTensor("t", Dtype.F32, [2])], 1, long.MaxValue);

        Assert.Single(Checkpoint.Open(place.PathOf("s", "base")).Tensors);
    }

    [Fact]
    public void Neither_side_appears_before_both_are_whole()
    {
        bool appeared = false;

        SampleCheckpoint.WritePair(
            place.PathOf("s"), [new SampleTensor("t", Dtype.F32, [2])], 1, long.MaxValue, _ => appeared |= Directory.Exists(place.PathOf("s", "base")));

        Assert.False(appeared);
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

    private static byte[] Round(float value, Dtype dtype) => dtype switch
    {
        Dtype.BF16 => BitConverter.GetBytes(UpperHalf(BitConverter.SingleToUInt32Bits(value))),
        Dtype.F16 => BitConverter.GetBytes((Half)value),
        _ => BitConverter.GetBytes((double)value),
    };

    // To nearest; of two that are equally near, the even one.
    private static ushort UpperHalf(uint bits) => (bits & 0xFFFF) switch
    {
        < 0x8000 => (ushort)(bits >> 16),
        0x8000 => (ushort)((bits >> 16) + ((bits >> 16) & 1)),
        _ => (ushort)((bits >> 16) + 1),
    };

    private static double Deviation(float[] values)
    {
        double mean = values.Average(value => (double)value);
        return Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
    }

    private static long Elements(SampleTensor tensor) => tensor.Shape.Aggregate(1L, (count, extent) => count * extent);
}
