using System.Collections.Immutable;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Methods;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Mapping;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class PartExecutorTests : IDisposable
{
    private static readonly string Golden = Path.Join(AppContext.BaseDirectory, "Fixtures", "golden");

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.3)]
    [InlineData(-0.5)]
    public void A_whole_checkpoint_equals_what_PyTorch_computed(double alpha)
    {
        var recipe = new Recipe { Base = Path.Join(Golden, "ckpt_sft.safetensors"), Aligned = Path.Join(Golden, "ckpt_aligned.safetensors"), Alpha = alpha };
        Plan plan = Planner.Plan(recipe).Plan;
        string name = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"ckpt_expo_{alpha}.safetensors");

        byte[] output = Execute(plan, ReadMode.Mapped);

        AssertSameTensors(File.ReadAllBytes(Path.Join(Golden, name)), output, name);
    }

    [Theory]
    [InlineData(Dtype.BF16, Dtype.BF16, null)]
    [InlineData(Dtype.F16, Dtype.F32, null)]
    [InlineData(Dtype.F32, Dtype.BF16, Dtype.F16)]
    [InlineData(Dtype.F64, Dtype.F64, Dtype.BF16)]
    public void All_parts_together_are_the_header_and_what_the_kernel_gives(Dtype aligned, Dtype other, Dtype? output)
    {
        Plan plan = PlanOfOddTensors(aligned, other, output);
        byte[] expected = Expected(plan);

        Assert.Equal(expected, Execute(plan, ReadMode.Mapped));
        Assert.Equal(expected, Execute(plan, ReadMode.Positioned));
        Assert.Equal(expected, Execute(plan, ReadMode.Automatic));
        PutOutOfMemory(plan);
        Assert.Equal(expected, Execute(plan, ReadMode.Automatic));
    }

    [Fact]
    public void What_memory_does_not_hold_is_read_past_the_page_cache()
    {
        // In another order than the output's, and with elements across the borders of blocks.
        (string, Dtype, long[])[] tensors = [("a", Dtype.BF16, [3_000_001]), ("b", Dtype.BF16, [700_001]), ("c", Dtype.BF16, [1]), ("d", Dtype.BF16, [2_000_000])];
        Write("aligned", tensors, seed: 1);
        Write("base", [.. tensors.Reverse()], seed: 2);
        Plan plan = Planner.Plan(Recipe()).Plan;
        byte[] expected = Expected(plan);
        PutOutOfMemory(plan);

        byte[] output = Execute(plan, ReadMode.Automatic);

        using var inputs = new InputFiles(plan);
        Assert.True(expected.AsSpan().SequenceEqual(output));
        if (new DriveInfo(place.PathOf("base")).DriveFormat != "tmpfs")
        {
            Assert.InRange(inputs.ResidentShare(), 0, 0.1);
        }
    }

    [Theory]
    [InlineData(ReadMode.Automatic)]
    [InlineData(ReadMode.Positioned)]
    public void An_input_that_ends_while_it_is_read_ahead_is_refused_by_its_tensor(ReadMode mode)
    {
        Plan plan = PlanOf(("t", Dtype.F32, [3_000_000]));
        PutOutOfMemory(plan);
        using var inputs = new InputFiles(plan);
        var reader = new LaneInput();
        reader.Begin(Order(plan, 0, 0, inputs, mode: mode));
        reader.ReadAhead([new InputSlice(0, 0, plan.Inputs[0].ByteLength)]);
        using (var stream = new FileStream(plan.Inputs[0].Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            stream.SetLength(8_000_000);
        }

        Assert.Equal(1000, reader.Read(0, 5000, 1000, "t").Length);
        TensorFileException exception = Assert.Throws<TensorFileException>(() => reader.Read(0, 7_999_000, 2000, "t").Length);

        Assert.Equal(("EXPO1207", "t", 8_000_000L), (exception.Code, exception.Tensor, exception.Offset));
        reader.Dispose();
    }

    [Fact]
    public void Any_range_of_the_file_is_filled_with_the_same_bytes_also_if_it_cuts_elements()
    {
        Plan plan = PlanOfOddTensors(Dtype.F32, Dtype.F32, output: null);
        byte[] expected = Expected(plan);
        using var inputs = new InputFiles(plan);
        var executor = new PartExecutor(rate: null);
        var random = new Random(42);
        for (int time = 0; time < 3000; time++)
        {
            int begin = random.Next(expected.Length);
            int end = Math.Min(expected.Length, begin + random.Next(1, 3000));
            byte[] bytes = new byte[end - begin];

            executor.Fill(Order(plan, 0, 0, inputs), begin, bytes);

            Assert.True(bytes.AsSpan().SequenceEqual(expected.AsSpan(begin..end)), $"[{begin}, {end})");
        }
    }

    [Fact]
    public void Digests_are_those_of_the_files_blocks()
    {
        Plan plan = PlanOf(("t", Dtype.F32, [2_500_000]));
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(plan);

        var computed = (PartOutcome.Computed)new PartExecutor(rate: null).Execute(Order(plan, 0, 0, inputs), [staging]);

        byte[] file = File.ReadAllBytes(staging.Path);
        Assert.Equal(3 * BlockDigest.ByteCount, computed.Results[0].BlockDigests.Length);
        for (int block = 0; block < 3; block++)
        {
            byte[] digest = new byte[BlockDigest.ByteCount];
            int begin = block * PartGrid.BlockBytes;
            BlockDigest.Compute(file.AsSpan(begin, Math.Min(PartGrid.BlockBytes, file.Length - begin)), digest);
            Assert.Equal(digest, computed.Results[0].BlockDigests.Slice(block * BlockDigest.ByteCount, BlockDigest.ByteCount).ToArray());
        }

        Assert.Equal(2 * 10_000_000, computed.BytesRead);
    }

    [Fact]
    public void A_part_is_computed_without_allocation_for_its_tiles()
    {
        Plan plan = PlanOf(("a", Dtype.BF16, [4_000_000]), ("b", Dtype.F32, [3_000_000]), ("c", Dtype.I64, [1000]));
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(plan);
        var executor = new PartExecutor(rate: null);
        PartOrder order = Order(plan, 0, 0, inputs);
        executor.Execute(order, [staging]);

        long before = GC.GetAllocatedBytesForCurrentThread();
        executor.Execute(order, [staging]);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2048);
    }

    [Fact]
    public void A_copied_tensor_that_differs_is_named()
    {
        string large = new('n', 3);
        WritePair([(large, Dtype.I64, [200_000]), ("w", Dtype.F32, [8])], different: true);
        Plan plan = Planner.Plan(Recipe()).Plan;

        PlanningException exception = Assert.Throws<PlanningException>(() => Execute(plan, ReadMode.Mapped));

        Assert.Equal(("EXPO1204", "nnn"), (exception.Code, exception.Problems[0].Tensor));
    }

    [Fact]
    public void An_input_that_was_touched_is_refused_by_name()
    {
        Plan plan = PlanOf(("t", Dtype.F32, [1000]));
        string file = place.PathOf("base", "model.safetensors");
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(1));

        TensorFileException exception = Assert.Throws<TensorFileException>(() => Execute(plan, ReadMode.Mapped));

        Assert.Equal(("EXPO1207", file), (exception.Code, exception.File));
    }

    [Fact]
    public void An_input_that_became_shorter_is_refused_with_both_lengths()
    {
        Plan plan = PlanOf(("t", Dtype.F32, [1000]));
        using (var stream = new FileStream(place.PathOf("aligned", "model.safetensors"), FileMode.Open))
        {
            stream.SetLength(100);
        }

        TensorFileException exception = Assert.Throws<TensorFileException>(() => Execute(plan, ReadMode.Mapped));

        Assert.Equal(("EXPO1207", "100 bytes"), (exception.Code, exception.Found));
    }

    [Fact]
    public void With_positioned_reads_an_input_that_ends_in_a_tensor_names_it()
    {
        Plan plan = PlanOf(("t", Dtype.F32, [1000]));
        using var inputs = new InputFiles(plan);
        byte[] buffer = new byte[4000];
        using (var stream = new FileStream(place.PathOf("aligned", "model.safetensors"), FileMode.Open))
        {
            stream.SetLength(2000);
        }

        TensorFileException exception = Assert.Throws<TensorFileException>(
            () => inputs.Read(0, offset: plan.Files[0].Header.Length, buffer, 4000, ReadMode.Positioned, "t").ToArray());

        Assert.Equal(("EXPO1207", "t", 2000L), (exception.Code, exception.Tensor, exception.Offset));
    }

    [Fact]
    public void Without_a_lease_nothing_is_written()
    {
        Plan plan = PlanOf(("t", Dtype.F32, [1000]));
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(plan);
        byte[] before = File.ReadAllBytes(staging.Path);
        PartOrder order = Order(plan, 0, 0, inputs);
        order.Lease.Revoke();

        PartOutcome outcome = new PartExecutor(rate: null).Execute(order, [staging]);

        Assert.IsType<PartOutcome.Abandoned>(outcome);
        Assert.Equal(before, File.ReadAllBytes(staging.Path));
    }

    [Fact]
    public void An_abandoned_part_leaves_no_trace_in_the_next_ones_digest()
    {
        Plan plan = PlanOf(("t", Dtype.F32, [1_000_000]));
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(plan);
        var executor = new PartExecutor(rate: null);
        PartOrder abandoned = Order(plan, 0, 0, inputs, new WriteLease(new RunningOutClock(), TimeSpan.FromTicks(2)));
        Assert.IsType<PartOutcome.Abandoned>(executor.Execute(abandoned, [staging]));

        var fresh = (PartOutcome.Computed)executor.Execute(Order(plan, 0, 0, inputs), [staging]);

        byte[] digest = new byte[BlockDigest.ByteCount];
        BlockDigest.Compute(File.ReadAllBytes(staging.Path).AsSpan(0, (int)plan.Files[0].ByteLength), digest);
        Assert.Equal(digest, fresh.Results[0].BlockDigests.ToArray());
    }

    // On a file system without a disk it stays where it is.
    private static void PutOutOfMemory(Plan plan)
    {
        foreach (PlanInput input in plan.Inputs)
        {
            using (var stream = new FileStream(input.Path, FileMode.Open, FileAccess.Write))
            {
                stream.Flush(flushToDisk: true);
            }

            using MappedFile mapped = MappedFile.Open(input.Path, input.ByteLength);
            mapped.Release(0, input.ByteLength);
        }
    }

    private Recipe Recipe(Dtype? output = null) =>
        new() { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3, OutputDtype = output };

    private Plan PlanOf(params (string Name, Dtype Dtype, long[] Shape)[] tensors)
    {
        WritePair(tensors, different: false);
        return Planner.Plan(Recipe()).Plan;
    }

    private Plan PlanOfOddTensors(Dtype aligned, Dtype other, Dtype? output)
    {
        (string, long[])[] shapes = [("matrix", [173, 19]), ("scalar", []), ("empty", [0, 4]), ("one", [1]), ("prime", [7919]), ("long", [700_001])];
        Write("aligned", [.. shapes.Select(shape => (shape.Item1, aligned, shape.Item2))], seed: 1);
        Write("base", [.. shapes.Select(shape => (shape.Item1, other, shape.Item2))], seed: 2);
        return Planner.Plan(Recipe(output)).Plan;
    }

    private void WritePair((string Name, Dtype Dtype, long[] Shape)[] tensors, bool different)
    {
        Write("base", tensors, seed: 1);
        Write("aligned", tensors, seed: different ? 2 : 1);
    }

    private void Write(string side, (string Name, Dtype Dtype, long[] Shape)[] tensors, int seed)
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

    private StagingFile Stage(Plan plan)
    {
        string path = place.PathOf("staging", plan.Files[0].Name);
        StagingFile.Create(path, plan.Files[0].Header, plan.Files[0].ByteLength);
        return StagingFile.OpenForTiles(path);
    }

    private static PartOrder Order(Plan plan, int file, int part, InputFiles inputs, WriteLease? lease = null, ReadMode mode = ReadMode.Mapped) => new(
        "job",
        new Attempt(1, 1),
        1,
        plan,
        PartGrid.Part(file, part, plan.Files[file].ByteLength),
        [new PartTarget(file, 1, "")],
        inputs,
        mode,
        lease ?? new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));

    private byte[] Execute(Plan plan, ReadMode mode)
    {
        using var inputs = new InputFiles(plan);
        using StagingFile staging = Stage(plan);
        var executor = new PartExecutor(rate: null);
        for (int part = 0; part < plan.Files[0].PartCount; part++)
        {
            Assert.IsType<PartOutcome.Computed>(executor.Execute(Order(plan, 0, part, inputs, mode: mode), [staging]));
        }

        return File.ReadAllBytes(staging.Path);
    }

    // The same by another way: whole tensors, read from whole files.
    private static byte[] Expected(Plan plan)
    {
        PlannedFile file = plan.Files[0];
        byte[] output = new byte[file.ByteLength];
        file.Header.CopyTo(output, 0);
        foreach (PlannedTensor tensor in file.Tensors)
        {
            Span<byte> target = output.AsSpan((int)(file.Header.Length + tensor.Entry.Begin), (int)tensor.Entry.ByteCount);
            ExpoPipeline
                .For(tensor.Sources[0].Dtype, tensor.Sources[1].Dtype, tensor.Entry.Dtype, plan.Numerics, ExpoMethod.AlphaOf(tensor.Parameters), VectorWidth.Scalar)
                .Run(Bytes(plan, tensor, tensor.Sources[0]), Bytes(plan, tensor, tensor.Sources[1]), target);
        }

        return output;
    }

    private static byte[] Bytes(Plan plan, PlannedTensor tensor, TensorSource source) =>
        File.ReadAllBytes(plan.Inputs[source.Input].Path)[(int)source.Offset..(int)(source.Offset + tensor.ByteCountOf(source))];

    private static void AssertSameTensors(byte[] expected, byte[] actual, string name)
    {
        SafetensorsHeader one = SafetensorsHeader.Parse(expected, expected.Length, name);
        SafetensorsHeader other = SafetensorsHeader.Parse(actual, actual.Length, "output");
        Assert.Equal(one.Tensors.Select(tensor => tensor.Name), other.Tensors.Select(tensor => tensor.Name));
        foreach ((SafetensorsTensor First, SafetensorsTensor Second) pair in one.Tensors.Zip(other.Tensors))
        {
            Assert.Equal(pair.First.Dtype, pair.Second.Dtype);
            ReadOnlySpan<byte> want = expected.AsSpan((int)(one.DataStart + pair.First.Begin), (int)pair.First.ByteCount);
            ReadOnlySpan<byte> have = actual.AsSpan((int)(other.DataStart + pair.Second.Begin), (int)pair.Second.ByteCount);
            Assert.True(want.SequenceEqual(have), pair.First.Name);
        }
    }

    /// <summary>Each look costs a tick: a lease of two ticks lasts for one tile.</summary>
    private sealed class RunningOutClock : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks++;
    }
}
