using System.Collections.Immutable;
using System.Text;
using ExpoCluster.Core.Jobs;
using ExpoCluster.Core.Parts;
using ExpoCluster.Core.Planning;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;
using ExpoCluster.Tensors.Torch;

namespace ExpoCluster.Core.Tests.Parts;

/// <summary>Views of PyTorch's that are no plain range of bytes give the bytes that the same numbers give when they lie in order.</summary>
public sealed class StridedMergeTests : IDisposable
{
    private static readonly (string Name, Dtype Dtype, long[] Shape, long[] Strides)[] Views =
    [
        ("transposed", Dtype.BF16, [700, 900], [1, 700]),
        ("sliced", Dtype.F32, [50, 33], [66, 2]),
        ("expanded", Dtype.F32, [40, 17], [0, 1]),
        ("permuted", Dtype.F16, [4, 5, 6], [1, 24, 4]),
        ("plain", Dtype.F32, [31], [1]),
        ("ids", Dtype.I64, [3, 5], [1, 3]),
    ];

    private readonly TemporaryDirectory place = new();

    public void Dispose() => place.Dispose();

    [Theory]
    [InlineData(ReadMode.Mapped)]
    [InlineData(ReadMode.Positioned)]
    [InlineData(ReadMode.Automatic)]
    public void Any_range_is_what_it_is_of_the_same_numbers_in_order(ReadMode mode)
    {
        Write("base", seed: 1);
        Write("aligned", seed: 2);
        Plan strided = Plan("base/pytorch_model.bin", "aligned/pytorch_model.bin");
        byte[] expected = Fill(Plan("base/plain.safetensors", "aligned/plain.safetensors"), 0, count: null, ReadMode.Mapped);

        Assert.True(expected.AsSpan().SequenceEqual(Fill(strided, 0, count: null, mode)));
        var random = new Random(3);
        for (int round = 0; round < 60; round++)
        {
            int begin = random.Next(expected.Length);
            int count = random.Next(1, Math.Min(20_000, expected.Length - begin + 1));
            Assert.True(expected.AsSpan(begin, count).SequenceEqual(Fill(strided, begin, count, mode)), $"[{begin}, {begin + count})");
        }
    }

    [Fact]
    public void One_side_alone_may_be_strided()
    {
        Write("base", seed: 1);
        Write("aligned", seed: 2);
        byte[] expected = Fill(Plan("base/plain.safetensors", "aligned/plain.safetensors"), 0, count: null, ReadMode.Mapped);

        Assert.True(expected.AsSpan().SequenceEqual(Fill(Plan("base/pytorch_model.bin", "aligned/plain.safetensors"), 0, count: null, ReadMode.Mapped)));
    }

    [Fact]
    public void The_plan_says_the_strides_in_a_format_of_its_own_and_reads_back()
    {
        Write("base", seed: 1);
        Write("aligned", seed: 2);
        Plan strided = Plan("base/pytorch_model.bin", "aligned/pytorch_model.bin");
        Plan plain = Plan("base/plain.safetensors", "aligned/plain.safetensors");

        Assert.StartsWith("{\"format\":2,", Encoding.UTF8.GetString(strided.CanonicalJson.Span), StringComparison.Ordinal);
        Assert.StartsWith("{\"format\":1,", Encoding.UTF8.GetString(plain.CanonicalJson.Span), StringComparison.Ordinal);
        Plan again = PlanJson.Read(strided.CanonicalJson);
        Assert.Equal(strided.Digest, again.Digest);
        Assert.Equal(strided.Files[0].Tensors.Select(tensor => tensor.Sources[0]), again.Files[0].Tensors.Select(tensor => tensor.Sources[0]));
        Assert.Equal([1L, 700], again.Files[0].Tensors.Single(tensor => tensor.Entry.Name == "transposed").Sources[1].Strides.AsEnumerable());
    }

    [Fact]
    public void Integers_that_differ_are_found_though_they_are_views()
    {
        Write("base", seed: 1);
        Write("aligned", seed: 2, ids: 9);

        Assert.Equal("EXPO1204", Assert.Throws<PlanningException>(() => Plan("base/pytorch_model.bin", "aligned/pytorch_model.bin")).Code);
    }

    private static byte[] Fill(Plan plan, int begin, int? count, ReadMode mode)
    {
        byte[] bytes = new byte[count ?? plan.Files[0].ByteLength];
        using var inputs = new InputFiles(plan);
        using var executor = new PartExecutor(rate: null);
        var order = new PartOrder(
            "job", new Attempt(1, 1), 1, plan, PartGrid.Part(0, 0, plan.Files[0].ByteLength), [new PartTarget(0, 1, "")], inputs, mode,
            new WriteLease(TimeProvider.System, TimeSpan.FromMinutes(1)));
        executor.Fill(order, begin, bytes);
        return bytes;
    }

    private Plan Plan(string baseFile, string aligned) =>
        Planner.Plan(new Recipe { Base = place.PathOf(baseFile), Aligned = place.PathOf(aligned), Alpha = 0.3 }).Plan;

    // The same numbers twice: as views of storages, and as PyTorch would write them after .contiguous().
    private void Write(string side, int seed, int ids = 1)
    {
        Directory.CreateDirectory(place.PathOf(side));
        var random = new Random(seed);
        byte[][] storages = [.. Views.Select(view => Storage(view.Dtype, view.Shape, view.Strides, random, ids))];
        WriteTorch(place.PathOf(side, "pytorch_model.bin"), storages);
        ImmutableArray<SafetensorsTensor> entries = SafetensorsLayout.Arrange(Views.Select(view => (view.Name, view.Dtype, view.Shape.ToImmutableArray())));
        using FileStream stream = File.Create(place.PathOf(side, "plain.safetensors"));
        stream.Write(SafetensorsHeader.Encode(entries, ImmutableSortedDictionary<string, string>.Empty));
        foreach (SafetensorsTensor entry in entries)
        {
            int index = Array.FindIndex(Views, view => view.Name == entry.Name);
            stream.Write(InOrder(Views[index].Dtype, Views[index].Shape, Views[index].Strides, storages[index]));
        }
    }

    private static byte[] Storage(Dtype dtype, long[] shape, long[] strides, Random random, int ids)
    {
        int size = dtype.Bits() / 8;
        byte[] bytes = new byte[(int)new StridedView([.. shape], [.. strides]).Span * size];
        if (dtype == Dtype.I64)
        {
            bytes.AsSpan().Fill((byte)ids);
            return bytes;
        }

        random.NextBytes(bytes);
        // No exponent of infinity or NaN.
        for (int at = size - 1; at < bytes.Length; at += size)
        {
            bytes[at] &= 0xBF;
        }

        return bytes;
    }

    private static byte[] InOrder(Dtype dtype, long[] shape, long[] strides, byte[] storage)
    {
        int size = dtype.Bits() / 8;
        var ordered = new MemoryStream();
        void Walk(int axis, long offset)
        {
            if (axis == shape.Length)
            {
                ordered.Write(storage, (int)offset * size, size);
                return;
            }

            for (long i = 0; i < shape[axis]; i++)
            {
                Walk(axis + 1, offset + (i * strides[axis]));
            }
        }

        Walk(0, 0);
        return ordered.ToArray();
    }

    private static void WriteTorch(string path, byte[][] storages)
    {
        TorchStorage[] described = [.. storages.Select((bytes, i) => new TorchStorage(Views[i].Dtype, bytes.Length * 8L / Views[i].Dtype.Bits()))];
        var layout = new TorchArchiveLayout(
            "archive",
            described,
            [.. Views.Select((view, i) => new TorchTensor(view.Name, [.. view.Shape], i) { Strides = [.. view.Strides] })],
            "0");
        byte[] content = new byte[layout.ByteLength];
        foreach ((long offset, byte[] bytes) in layout.Frame(new uint[described.Length]))
        {
            bytes.CopyTo(content, offset);
        }

        for (int i = 0; i < storages.Length; i++)
        {
            storages[i].CopyTo(content, layout.StorageOffsets[i]);
        }

        File.WriteAllBytes(path, content);
    }
}
