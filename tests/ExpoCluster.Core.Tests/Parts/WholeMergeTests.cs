using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class WholeMergeTests : IDisposable
{
    private static readonly string Fixtures = Path.Join(AppContext.BaseDirectory, "Fixtures");

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.3)]
    [InlineData(-0.5)]
    public void The_golden_checkpoint_comes_out_header_and_all(double alpha)
    {
        var recipe = new Recipe
        {
            Base = Path.Join(Fixtures, "golden", "ckpt_sft.safetensors"), Aligned = Path.Join(Fixtures, "golden", "ckpt_aligned.safetensors"), Alpha = alpha,
        };
        string name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"ckpt_expo_{alpha}.safetensors");

        Assert.Equal(File.ReadAllBytes(Path.Join(Fixtures, "golden", name)), Merge(recipe));
    }

    [Fact]
    public void Two_real_models_merge_as_PyTorch_merges_them()
    {
        var recipe = new Recipe
        {
            Base = Path.Join(Fixtures, "real", "mnist-a"), Aligned = Path.Join(Fixtures, "real", "mnist-b"), Alpha = 0.3,
            OnMismatch = MismatchPolicy.CopyAligned,
        };

        Assert.Equal(File.ReadAllBytes(Path.Join(Fixtures, "golden", "mnist", "model.safetensors")), Merge(recipe));
    }

    [Fact]
    public void A_PyTorch_file_merges_as_the_safetensors_it_was_converted_to()
    {
        var recipe = new Recipe
        {
            Base = Path.Join(Fixtures, "real", "mnist.pt"), Aligned = Path.Join(Fixtures, "real", "mnist-b", "model.safetensors"), Alpha = 0.3,
            OnMismatch = MismatchPolicy.CopyAligned,
        };

        Assert.Equal(File.ReadAllBytes(Path.Join(Fixtures, "golden", "mnist", "model.safetensors")), Merge(recipe));
    }

    [Theory]
    [InlineData(0.0, 2)]
    [InlineData(-1.0, 1)]
    public void Alpha_0_gives_aligned_and_minus_1_base(double alpha, float expected)
    {
        using var pair = new SmallPair(("model.safetensors", "t", 1000));

        byte[] merged = Merge(pair.Recipe with { Alpha = alpha });

        Assert.All(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(merged.AsSpan(^4000..)).ToArray(), value => Assert.Equal(expected, value));
    }

    [Fact]
    public void Any_range_of_copied_tensors_is_filled_with_aligneds_bytes()
    {
        // Nibbles too: the elements of F4 have no byte of their own.
        (string, Dtype, long[])[] tensors =
            [("counts", Dtype.I64, [101]), ("mask", Dtype.Bool, [37]), ("nibbles", Dtype.F4, [1002]), ("scale", Dtype.F8E4M3, [555]), ("w", Dtype.BF16, [301])];
        WriteRandom("base", tensors, seed: 1);
        WriteRandom("aligned", tensors, seed: 2);
        Plan plan = Planner.Plan(new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, OnMismatch = Named(tensors.Select(tensor => tensor.Item1)) }).Plan;
        byte[] aligned = File.ReadAllBytes(place.PathOf("aligned", "model.safetensors"));
        using var inputs = new InputFiles(plan);
        var executor = new PartExecutor(rate: null);
        var random = new Random(11);
        PlannedFile file = plan.Files[0];
        byte[] whole = new byte[file.ByteLength];
        executor.Fill(Order(plan, 0, 0, inputs), 0, whole);
        foreach (PlannedTensor tensor in file.Tensors.Where(tensor => tensor.Rule == TensorRule.Copy))
        {
            int count = (int)tensor.Entry.ByteCount;
            Assert.Equal(
                aligned.AsSpan((int)tensor.Sources[0].Offset, count).ToArray(), whole.AsSpan((int)(file.Header.Length + tensor.Entry.Begin), count).ToArray());
        }

        for (int time = 0; time < 2000; time++)
        {
            int begin = random.Next(whole.Length);
            byte[] bytes = new byte[random.Next(1, whole.Length - begin + 1)];
            executor.Fill(Order(plan, 0, 0, inputs, random.Next(2) == 0 ? ReadMode.Mapped : ReadMode.Positioned), begin, bytes);
            Assert.True(bytes.AsSpan().SequenceEqual(whole.AsSpan(begin, bytes.Length)), $"[{begin}, {begin + bytes.Length})");
        }

        Assert.Equal(4, file.Tensors.Count(tensor => tensor.Rule == TensorRule.Copy));
    }

    [Fact]
    public void Parts_computed_in_any_order_by_any_executor_give_one_file_and_one_digest()
    {
        using var pair = new SmallPair();
        Plan plan = pair.Plan().Plan;
        PlannedFile file = plan.Files[0];
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(file);
        var digests = new SortedDictionary<int, ReadOnlyMemory<byte>>();
        foreach (int part in new[] { 2, 0, 1 })
        {
            var computed = (PartOutcome.Computed)new PartExecutor(rate: null)
                .Execute(Order(plan, 0, part, inputs, part == 1 ? ReadMode.Positioned : ReadMode.Mapped), [staging]);
            digests[part] = computed.Results[0].BlockDigests;
        }

        byte[] content = File.ReadAllBytes(staging.Path);
        byte[] blocks = new byte[PartGrid.BlockCount(content.Length) * BlockDigest.ByteCount];
        for (int block = 0; block < PartGrid.BlockCount(content.Length); block++)
        {
            int begin = block * PartGrid.BlockBytes;
            BlockDigest.Compute(content.AsSpan(begin, Math.Min(PartGrid.BlockBytes, content.Length - begin)), blocks.AsSpan(block * BlockDigest.ByteCount));
        }

        Assert.Equal([8, 8, 1], digests.Values.Select(part => part.Length / BlockDigest.ByteCount));
        Assert.Equal(BlockDigest.OfFile(content.Length, [blocks]), BlockDigest.OfFile(content.Length, digests.Values));
        Assert.True(content.AsSpan(0, file.Header.Length).SequenceEqual(file.Header));
        Assert.Equal(-1, System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(content.AsSpan(file.Header.Length)).IndexOfAnyExcept(2.5f));
    }

    [Fact]
    public void When_the_lease_ends_on_the_way_nothing_behind_it_is_written()
    {
        using var pair = new SmallPair(("model.safetensors", "t", 1_000_000));
        Plan plan = pair.Plan().Plan;
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(plan.Files[0]);
        // It is looked at before a tile is computed and before it is written; of four tiles the lane is at most two ahead.
        var lease = new WriteLease(new TickingClock(), TimeSpan.FromTicks(6));

        PartOutcome outcome = new PartExecutor(rate: null).Execute(Order(plan, 0, 0, inputs) with { Lease = lease }, [staging]);

        Assert.IsType<PartOutcome.Abandoned>(outcome);
        int done = (int)lease.BytesDone;
        Assert.InRange(done, PartExecutor.TileBytes, 3 * PartExecutor.TileBytes);
        byte[] content = File.ReadAllBytes(staging.Path);
        Assert.NotEqual(0, content[done - 1]);
        Assert.Equal(-1, content.AsSpan(done).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void The_papers_numerics_round_each_step_and_write_BF16()
    {
        WriteRandom("base", [("w", Dtype.BF16, [999])], seed: 1);
        WriteRandom("aligned", [("w", Dtype.BF16, [999])], seed: 2);
        var recipe = new Recipe { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, Numerics = Numerics.Official };
        byte[] aligned = File.ReadAllBytes(place.PathOf("aligned", "model.safetensors"))[^1998..];
        byte[] other = File.ReadAllBytes(place.PathOf("base", "model.safetensors"))[^1998..];
        byte[] expected = new byte[1998];
        ExpoPipeline.For(Dtype.BF16, Dtype.BF16, Dtype.BF16, Numerics.Official, 0.3, VectorWidth.Scalar).Run(aligned, other, expected);

        Assert.Equal(expected, Merge(recipe)[^1998..]);
        Assert.NotEqual(expected, Merge(recipe with { Numerics = Numerics.Exact })[^1998..]);
    }

    private static PartOrder Order(Plan plan, int file, int part, InputFiles inputs, ReadMode mode = ReadMode.Mapped) => new(
        "job", new Attempt(1, 1), 1, plan, PartGrid.Part(file, part, plan.Files[file].ByteLength), [new PartTarget(file, 1, "")], inputs, mode,
        new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));

    // Who names tensors means them, however much of a model they are.
    private static MismatchRule.ByPattern Named(IEnumerable<string> names) =>
        new(new TensorPatterns<MismatchPolicy>([.. names.Select(name => new TensorPattern<MismatchPolicy>(name, MismatchPolicy.CopyAligned))]));

    private byte[] Merge(Recipe recipe)
    {
        Plan plan = Planner.Plan(recipe).Plan;
        PlannedFile file = Assert.Single(plan.Files);
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(file);
        Assert.IsType<PartOutcome.Computed>(new PartExecutor(rate: null).Execute(Order(plan, 0, 0, inputs), [staging]));
        return File.ReadAllBytes(staging.Path);
    }

    private StagingFile Stage(PlannedFile file)
    {
        string path = place.PathOf("staging", Guid.NewGuid().ToString("N"), file.Name);
        StagingFile.Create(path, file.Header, file.ByteLength);
        return StagingFile.OpenForTiles(path);
    }

    private void WriteRandom(string side, (string Name, Dtype Dtype, long[] Shape)[] tensors, int seed)
    {
        Directory.CreateDirectory(place.PathOf(side));
        ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(
            tensors.Select(tensor => (tensor.Name, tensor.Dtype, tensor.Shape.ToImmutableArray())));
        using FileStream stream = File.Create(place.PathOf(side, "model.safetensors"));
        stream.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty.Add("format", "pt")));
        byte[] data = new byte[entries[^1].End];
        new Random(seed).NextBytes(data);
        stream.Write(data);
    }

    /// <summary>Each look costs a tick.</summary>
    private sealed class TickingClock : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Increment(ref ticks) - 1;
    }
}
