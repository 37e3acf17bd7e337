using System.Collections.Immutable;
using System.Runtime.InteropServices;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Core.Storage;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Kernels;
using ExpoCluster.Tensors.Safetensors;
using ExpoCluster.Tensors.Statistics;

namespace ExpoCluster.Core.Tests.Parts;

public sealed class SweepTests : IDisposable
{
    private static readonly double[] Alphas = [0.1, 0.3, -1];

    private readonly TemporaryDirectory place = new();

    // Two files, the first of two parts.
    public SweepTests()
    {
        (string Name, long Elements)[] big = [("a", 17_000_001), ("b", 5)];
        (string Name, long Elements)[] small = [("c", 100_003)];
        foreach (string side in (string[])["base", "aligned"])
        {
            Write(side, "model-00001-of-00002.safetensors", big);
            Write(side, "model-00002-of-00002.safetensors", small);
            place.Write(
                Path.Join(side, "model.safetensors.index.json"),
                """{"metadata":{},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}}""");
        }
    }

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData(ReadMode.Mapped)]
    [InlineData(ReadMode.Positioned)]
    public void Every_output_is_what_its_alpha_alone_would_have_given(ReadMode mode)
    {
        Plan sweep = Planner.Plan(Recipe with { Sweep = [.. Alphas] }).Plan;

        Assert.Equal(["alpha-0.1", "alpha-0.3", "alpha--1"], Enumerable.Range(0, 3).Select(sweep.FolderOf));
        (byte[][] files, PartOutcome.Computed[] outcomes) = Execute(sweep, mode);

        for (int variant = 0; variant < Alphas.Length; variant++)
        {
            Plan alone = Planner.Plan(Recipe with { Alpha = Alphas[variant] }).Plan;
            (byte[][] expected, PartOutcome.Computed[] single) = Execute(alone, mode);
            Assert.Equal(expected, files[(variant * sweep.LayoutLength)..((variant + 1) * sweep.LayoutLength)]);
            for (int part = 0; part < single.Length; part++)
            {
                PartResult result = outcomes[part].Results[variant];
                Assert.Equal(single[part].Results[0].BlockDigests.ToArray(), result.BlockDigests.ToArray());
                Assert.Equal(single[part].Results[0].Statistics.ToArray(), result.Statistics.ToArray());
            }
        }
    }

    [Fact]
    public void Inputs_are_read_once_for_all_outputs()
    {
        Plan sweep = Planner.Plan(Recipe with { Sweep = [.. Alphas] }).Plan;
        Plan alone = Planner.Plan(Recipe).Plan;

        Assert.Equal(alone.InputByteCount, sweep.InputByteCount);
        Assert.Equal(3 * alone.OutputByteCount, sweep.OutputByteCount);
        Assert.Equal(sweep.InputByteCount, Execute(sweep, ReadMode.Mapped).Outcomes.Sum(outcome => outcome.BytesRead));
    }

    [Fact]
    public void A_plan_of_a_sweep_travels_as_JSON()
    {
        Plan sweep = Planner.Plan(Recipe with { Sweep = [.. Alphas], Numerics = Numerics.Stochastic, Seed = 12 }).Plan;

        Plan back = PlanJson.Read(sweep.CanonicalJson);

        Assert.Equal(sweep.Digest, back.Digest);
        Assert.Equal((3, 12L, Numerics.Stochastic), (back.Variants, back.Seed, back.Numerics));
        Assert.Equal(sweep.Files.Select(file => file.Name), back.Files.Select(file => file.Name));
    }

    [Fact]
    public void Statistics_are_those_of_the_whole_tensors()
    {
        Plan plan = Planner.Plan(Recipe).Plan;
        (byte[][] files, PartOutcome.Computed[] outcomes) = Execute(plan, ReadMode.Mapped);

        var sums = new Dictionary<string, DeltaSums>();
        int part = 0;
        foreach (PlannedFile file in plan.Files)
        {
            for (int index = 0; index < file.PartCount; index++)
            {
                foreach (TensorSums tensor in PartStatistics.Decode(outcomes[part++].Results[0].Statistics.Span))
                {
                    string name = file.Tensors[tensor.Tensor].Entry.Name;
                    sums[name] = sums.GetValueOrDefault(name) + tensor.Sums;
                }
            }
        }

        foreach ((PlannedFile file, byte[] bytes) in plan.Files.Zip(files))
        {
            foreach (PlannedTensor tensor in file.Tensors)
            {
                DeltaSums expected = DeltaMeasure.For(Dtype.BF16, Dtype.BF16, Dtype.BF16).Measure(
                    BytesOf(plan, tensor, tensor.Sources[0]), BytesOf(plan, tensor, tensor.Sources[1]), bytes.AsSpan(file.Header.Length)[(int)tensor.Entry.Begin..(int)tensor.Entry.End]);
                DeltaSums found = sums[tensor.Entry.Name];
                Assert.Equal((expected.Elements, expected.Changed, expected.Swallowed), (found.Elements, found.Changed, found.Swallowed));
                Assert.Equal(expected.MaxDelta, found.MaxDelta);
                Assert.Equal(expected.SquaredDelta, found.SquaredDelta, tolerance: 1e-5 * expected.SquaredDelta);
                Assert.Equal(expected.EffectiveAlpha!.Value, found.EffectiveAlpha!.Value, tolerance: 1e-4);
            }
        }
    }

    [Fact]
    public void Stochastic_rounding_gives_the_same_bytes_in_any_order_of_parts_and_others_for_another_seed()
    {
        Recipe stochastic = Recipe with { Numerics = Numerics.Stochastic, Seed = 1 };
        Plan plan = Planner.Plan(stochastic).Plan;

        byte[][] forward = Execute(plan, ReadMode.Mapped).Files;
        byte[][] backward = Execute(plan, ReadMode.Positioned, backward: true).Files;

        Assert.Equal(forward, backward);
        Assert.NotEqual(forward[0], Execute(Planner.Plan(stochastic with { Seed = 2 }).Plan, ReadMode.Mapped).Files[0]);
        Assert.NotEqual(forward[0], Execute(Planner.Plan(Recipe).Plan, ReadMode.Mapped).Files[0]);
    }

    // Weights about 0.02, aligned a little apart from base, every third element the same; a million of them, again and again.
    private void Write(string side, string name, (string Name, long Elements)[] tensors)
    {
        ImmutableArray<SafetensorsTensor> entries =
            SafetensorsLayout.Arrange(tensors.Select(tensor => (tensor.Name, Dtype.BF16, ImmutableArray.Create(tensor.Elements))));
        byte[] header = SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty);
        var random = new Random(5);
        ushort[] values = new ushort[1 << 20];
        for (int i = 0; i < values.Length; i++)
        {
            float value = (float)((random.NextDouble() - 0.5) * 0.08);
            float delta = (float)((random.NextDouble() - 0.5) * 1e-3);
            values[i] = (ushort)(BitConverter.SingleToUInt32Bits(side == "aligned" && i % 3 > 0 ? value + delta : value) >> 16);
        }

        string path = place.PathOf(side, name);
        Directory.CreateDirectory(place.PathOf(side));
        using FileStream file = File.Create(path);
        file.Write(header);
        for (long left = entries[^1].End; left > 0; left -= 2 * values.Length)
        {
            file.Write(MemoryMarshal.AsBytes(values.AsSpan())[..(int)Math.Min(left, 2 * values.Length)]);
        }
    }

    private Recipe Recipe => new() { Base = place.PathOf("base"), Aligned = place.PathOf("aligned"), Alpha = 0.3 };

    private static ReadOnlySpan<byte> BytesOf(Plan plan, PlannedTensor tensor, TensorSource source) =>
        File.ReadAllBytes(plan.Inputs[source.Input].Path).AsSpan((int)source.Offset, (int)tensor.Entry.ByteCount);

    private (byte[][] Files, PartOutcome.Computed[] Outcomes) Execute(Plan plan, ReadMode mode, bool backward = false)
    {
        string staging = Directory.CreateDirectory(place.PathOf(Guid.NewGuid().ToString("N"))).FullName;
        string[] paths = [.. plan.Files.Select(file => Path.Join(staging, file.Name))];
        foreach ((string path, PlannedFile file) in paths.Zip(plan.Files))
        {
            StagingFile.Create(path, file.Header, file.ByteLength);
        }

        using var inputs = new InputFiles(plan);
        var executor = new PartExecutor(rate: null);
        (int File, int Part)[] parts = [.. Enumerable.Range(0, plan.LayoutLength).SelectMany(file => Enumerable.Range(0, plan.Files[file].PartCount).Select(part => (file, part)))];
        IEnumerable<(int File, int Part)> order = backward ? parts.Reverse() : parts;
        PartOutcome.Computed[] outcomes = [.. order.Select(part => ExecuteOne(executor, plan, part.File, part.Part, paths, inputs, mode))];
        return ([.. paths.Select(File.ReadAllBytes)], outcomes);
    }

    private static PartOutcome.Computed ExecuteOne(
        PartExecutor executor, Plan plan, int file, int part, string[] paths, InputFiles inputs, ReadMode mode)
    {
        ImmutableArray<PartTarget> targets =
            [.. Enumerable.Range(0, plan.Variants).Select(variant => (variant * plan.LayoutLength) + file).Select(index => new PartTarget(index, 1, paths[index]))];
        StagingFile[] outputs = [.. targets.Select(target => StagingFile.OpenForTiles(target.StagingPath))];
        try
        {
            var order = new PartOrder(
                "job", new Attempt(1, 1), 1, plan, PartGrid.Part(file, part, plan.Files[file].ByteLength), targets, inputs, mode,
                new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
            return Assert.IsType<PartOutcome.Computed>(executor.Execute(order, outputs));
        }
        finally
        {
            foreach (StagingFile output in outputs)
            {
                output.Dispose();
            }
        }
    }
}
