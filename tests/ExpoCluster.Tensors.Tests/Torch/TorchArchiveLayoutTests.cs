using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Torch;

namespace ExpoCluster.Tensors.Tests.Torch;

public sealed class TorchArchiveLayoutTests
{
    [Fact]
    public void Four_tensors_are_written_byte_for_byte_as_PyTorch_wrote_them()
    {
        AssertRewritten(
            "real/mixed_types.pt",
            "mixed_types",
            [new(Dtype.F32, 2), new(Dtype.I64, 2), new(Dtype.Bool, 2), new(Dtype.F64, 2)],
            [new("float32", [2], 0), new("int64", [2], 1), new("bool", [2], 2), new("float64", [2], 3)]);
    }

    [Fact]
    public void One_tensor_is_written_byte_for_byte_as_PyTorch_wrote_it()
    {
        AssertRewritten("real/large_shape.pt", "large_shape", [new(Dtype.F32, 10_000)], [new("tensor", [100, 100], 0)]);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(999)]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(2500)]
    public void Any_number_of_tensors_is_read_back(int count)
    {
        TorchStorage[] storages = [.. Enumerable.Range(0, count).Select(i => new TorchStorage(Dtype.F16, 3 + (i % 5)))];
        TorchTensor[] tensors = [.. Enumerable.Range(0, count).Select(i => new TorchTensor($"layer.{i}", [3 + (i % 5)], i))];

        WeightsHeader header = MemorySource.Read(ArchiveImage.Of(storages, tensors));

        Assert.Equal(tensors.Select(tensor => tensor.Name), header.Tensors.Select(tensor => tensor.Name));
        Assert.All(header.Tensors, tensor => Assert.Equal(0, tensor.Offset % 64));
    }

    [Fact]
    public void Views_of_one_storage_lie_where_they_begin()
    {
        byte[] file = ArchiveImage.Small();

        WeightsHeader header = MemorySource.Read(file);

        Assert.Equal([24L, 8L, 8L], header.Tensors.Select(tensor => tensor.ByteCount));
        Assert.Equal(24, header.Tensors[1].Offset - header.Tensors[0].Offset);
        Assert.Equal(new byte[] { 24, 25, 26, 27 }, file.AsSpan((int)header.Tensors[1].Offset, 4));
        Assert.Equal(31, file[header.Tensors[2].Offset]);
    }

    [Fact]
    public void Scalars_empty_tensors_and_high_ranks_are_read_back()
    {
        WeightsHeader header = MemorySource.Read(ArchiveImage.Of(
            [new(Dtype.I64, 1), new(Dtype.F32, 0), new(Dtype.U8, 6)],
            new TorchTensor("scalar", [], 0),
            new TorchTensor("empty", [2, 0, 3], 1),
            new TorchTensor("high", [1, 2, 1, 3, 1], 2)));

        Assert.Equal([8L, 0L, 6L], header.Tensors.Select(tensor => tensor.ByteCount));
        Assert.Equal([0, 3, 5], header.Tensors.Select(tensor => tensor.Shape.Length));
    }

    [Theory]
    [InlineData(5_000_000_000)]
    [InlineData(10_000_000_000)]
    [InlineData(4_294_967_295)]
    [InlineData(4_294_967_294)]
    public void A_file_beyond_32_bits_is_read_back_from_here_and_from_afar(long byteCount)
    {
        using var scratch = new ScratchDirectory();
        string path = Path.Combine(scratch.Path, "sparse.bin");
        TorchStorage[] storages = [new(Dtype.U8, byteCount), new(Dtype.BF16, 7), new(Dtype.F32, 0), new(Dtype.U8, byteCount)];
        var layout = new TorchArchiveLayout(
            "archive", storages, [new("a", [byteCount], 0), new("b", [7], 1), new("c", [0], 2), new("d", [byteCount], 3)], "0");
        WriteSparse(path, layout, storages.Length);

        using ByteSource source = ByteSource.OfFile(path);
        WeightsHeader header = WeightsHeader.ReadFrom(source);
        using var remote = new RemoteFile(source);
        WeightsHeader fromAfar = WeightsHeader.ReadFrom(remote);

        Assert.Equal(layout.StorageOffsets, header.Tensors.Select(tensor => tensor.Offset));
        Assert.Equal(layout.StorageOffsets, fromAfar.Tensors.Select(tensor => tensor.Offset));
        Assert.Equal(3, remote.Reads);
    }

    [Fact]
    public void A_remote_file_laid_out_otherwise_is_read_header_by_header()
    {
        // Another alignment: what two kinds of reckoning disagree on is read.
        byte[] honest = ArchiveImage.Small();
        using var scratch = new ScratchDirectory();
        string path = Path.Combine(scratch.Path, "repacked.zip");
        Repack(honest, path);
        byte[] repacked = File.ReadAllBytes(path);
        using var remote = new MemorySource(repacked, isRemote: true);

        WeightsHeader header = WeightsHeader.ReadFrom(remote);

        Assert.Equal(MemorySource.Read(repacked).Tensors.Select(tensor => tensor.Offset), header.Tensors.Select(tensor => tensor.Offset));
        Assert.Equal(0, repacked[header.Tensors[0].Offset]);
        Assert.Equal(31, repacked[header.Tensors[2].Offset]);
    }

    private static void AssertRewritten(string fixture, string name, TorchStorage[] storages, TorchTensor[] tensors)
    {
        byte[] original = Fixture.Read(fixture);
        WeightsHeader header = MemorySource.Read(original);
        string id = System.Text.Encoding.ASCII.GetString(SerializationId(original));
        var layout = new TorchArchiveLayout(name, storages, tensors, id);

        byte[] written = new byte[layout.ByteLength];
        uint[] checksums = new uint[storages.Length];
        for (int i = 0; i < storages.Length; i++)
        {
            ReadOnlySpan<byte> content = original.AsSpan((int)header.Tensors[i].Offset, (int)storages[i].ByteCount);
            content.CopyTo(written.AsSpan((int)layout.StorageOffsets[i]));
            checksums[i] = Crc32.Of(content);
        }

        foreach ((long offset, byte[] bytes) in layout.Frame(checksums))
        {
            bytes.CopyTo(written, offset);
        }

        Assert.Equal(original, written);
    }

    private static byte[] SerializationId(byte[] file)
    {
        using var archive = new System.IO.Compression.ZipArchive(new MemoryStream(file));
        using var content = new MemoryStream();
        using Stream entry = archive.Entries.Single(entry => entry.Name == "serialization_id").Open();
        entry.CopyTo(content);
        return content.ToArray();
    }

    private static void Repack(byte[] file, string path)
    {
        using var original = new System.IO.Compression.ZipArchive(new MemoryStream(file));
        using var repacked = new System.IO.Compression.ZipArchive(File.Create(path), System.IO.Compression.ZipArchiveMode.Create);
        foreach (System.IO.Compression.ZipArchiveEntry entry in original.Entries)
        {
            using Stream from = entry.Open();
            using Stream to = repacked.CreateEntry(entry.FullName, System.IO.Compression.CompressionLevel.NoCompression).Open();
            from.CopyTo(to);
        }
    }

    private static void WriteSparse(string path, TorchArchiveLayout layout, int storageCount)
    {
        using FileStream file = File.Create(path);
        file.SetLength(layout.ByteLength);
        foreach ((long offset, byte[] bytes) in layout.Frame(new uint[storageCount]))
        {
            file.Position = offset;
            file.Write(bytes);
        }
    }

    private sealed class RemoteFile(ByteSource file) : ByteSource
    {
        public override string Name => file.Name;

        public override long ByteLength => file.ByteLength;

        public override bool IsRemote => true;

        public int Reads { get; private set; }

        public override void ReadExactly(Span<byte> buffer, long offset)
        {
            Reads++;
            file.ReadExactly(buffer, offset);
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
