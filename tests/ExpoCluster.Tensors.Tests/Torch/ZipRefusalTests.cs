using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using ExpoCluster.Tensors.Torch;

namespace ExpoCluster.Tensors.Tests.Torch;

public sealed class ZipRefusalTests
{
    private static readonly byte[] Honest = ArchiveImage.Small();

    private static int DirectoryOffset { get; } = (int)BinaryPrimitives.ReadUInt32LittleEndian(Honest.AsSpan(Honest.Length - 6));

    [Fact]
    public void A_compressed_entry_is_refused_by_its_name()
    {
        TensorFileException refusal = MemorySource.Refusal(Packed(CompressionLevel.Optimal, ("model/data.pkl", new byte[1000])));

        Assert.Equal("EXPO1046", refusal.Code);
        Assert.Equal("method 8 for model/data.pkl", refusal.Found);
    }

    [Fact]
    public void A_zip_bomb_is_refused_without_unpacking_it()
    {
        byte[] bomb = Packed(CompressionLevel.SmallestSize, ("model/data.pkl", new byte[100_000_000]));
        MemorySource.Refusal(bomb);
        long before = GC.GetAllocatedBytesForCurrentThread();
        var watch = Stopwatch.StartNew();

        Assert.Equal("EXPO1046", MemorySource.Refusal(bomb).Code);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
    }

    [Theory]
    [InlineData(0x0001)]
    [InlineData(0x0040)]
    [InlineData(0x2000)]
    public void An_encrypted_entry_is_refused(int flag)
    {
        byte[] file = Edited(DirectoryEntry(0) + 8, [(byte)flag, (byte)(0x08 | (flag >> 8))]);

        Assert.Equal("EXPO1045", MemorySource.Refusal(file).Code);
    }

    [Fact]
    public void Two_entries_at_one_place_are_refused()
    {
        byte[] file = Edited(DirectoryEntry(1) + 42, [0, 0, 0, 0]);

        Assert.Equal("EXPO1048", MemorySource.Refusal(file).Code);
    }

    [Fact]
    public void An_entry_that_begins_inside_another_is_refused()
    {
        // A header that is itself content of the first entry: two readers would see two files.
        byte[] inner = Honest.AsSpan(HeaderOffset(4), 64).ToArray();
        byte[] file = ArchiveImage.WithPickle(inner, ("model/data/0", new byte[40]));
        int second = FindEntry(file, "model/data/0");
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(second + 42), 64);

        Assert.Equal("EXPO1048", MemorySource.Refusal(file).Code);
    }

    [Fact]
    public void Two_entries_of_one_name_are_refused()
    {
        byte[] file = ArchiveImage.WithPickle([.. PickleImage.Of("}"u8.ToArray())], ("model/data/0", [1]), ("model/data/0", [2]));

        TensorFileException refusal = MemorySource.Refusal(file);

        Assert.Equal(("EXPO1044", "model/data/0"), (refusal.Code, refusal.Found));
    }

    [Theory]
    [InlineData(0x7FFFFFFFu)]
    [InlineData(0xFFFFFFFEu)]
    public void An_entry_that_begins_beyond_the_file_is_refused(uint offset)
    {
        byte[] file = Edited(DirectoryEntry(2) + 42, BitConverter.GetBytes(offset));

        Assert.Equal("EXPO1047", MemorySource.Refusal(file).Code);
    }

    [Fact]
    public void An_entry_that_ends_beyond_the_place_for_entries_is_refused()
    {
        int last = DirectoryEntry(7);
        byte[] size = BitConverter.GetBytes(4000);
        byte[] file = Edited(last + 20, [.. size, .. size]);

        Assert.Equal("EXPO1047", MemorySource.Refusal(file).Code);
    }

    [Fact]
    public void A_size_of_64_bits_that_is_not_there_is_refused()
    {
        byte[] file = Edited(DirectoryEntry(2) + 20, [255, 255, 255, 255, 255, 255, 255, 255]);

        Assert.Equal("EXPO1042", MemorySource.Refusal(file).Code);
    }

    [Theory]
    [InlineData(0, (byte)'X', "no header of an entry")]
    [InlineData(6, (byte)0x00, "other flags")]
    [InlineData(6, (byte)0x09, "encryption")]
    [InlineData(8, (byte)8, "method 8")]
    [InlineData(14, (byte)1, "the checksum 00000001")]
    [InlineData(18, (byte)1, "1 bytes stored")]
    [InlineData(22, (byte)1, "1 bytes")]
    [InlineData(26, (byte)1, "another name")]
    [InlineData(30, (byte)'X', "another name")]
    public void A_header_that_contradicts_the_directory_is_refused(int at, byte value, string found)
    {
        byte[] file = Edited(HeaderOffset(4) + at, [value]);

        TensorFileException refusal = MemorySource.Refusal(file);

        Assert.Equal(("EXPO1049", found), (refusal.Code, refusal.Found));
    }

    [Fact]
    public void A_pickle_with_one_bit_changed_has_the_wrong_checksum()
    {
        TensorFileException refusal = MemorySource.Refusal(Edited(70, [(byte)(Honest[70] ^ 1)]));

        Assert.Equal("EXPO1053", refusal.Code);
    }

    [Fact]
    public void Big_endian_tensors_are_refused()
    {
        byte[] file = ArchiveImage.WithPickle(PickleImage.Of("}"u8.ToArray()), ("model/byteorder", "big"u8.ToArray()));

        TensorFileException refusal = MemorySource.Refusal(file);

        Assert.Equal(("EXPO1052", "big"), (refusal.Code, refusal.Found));
    }

    [Theory]
    [InlineData("model/constants.pkl")]
    [InlineData("model/code/__torch__/net.py")]
    public void A_TorchScript_program_is_refused(string entry)
    {
        byte[] file = ArchiveImage.WithPickle(PickleImage.Of("}"u8.ToArray()), (entry, [1]));

        Assert.Equal("EXPO1051", MemorySource.Refusal(file).Code);
    }

    [Theory]
    [InlineData("arrays.npy")]
    [InlineData("deep/er/data.pkl")]
    [InlineData("model/xdata.pkl")]
    [InlineData("data.pkl")]
    public void Another_zip_archive_is_refused(string entry)
    {
        Assert.Equal("EXPO1050", MemorySource.Refusal(Packed(CompressionLevel.NoCompression, (entry, [1, 2, 3]))).Code);
    }

    [Fact]
    public void An_archive_with_two_pickles_is_refused()
    {
        Assert.Equal("EXPO1050", MemorySource.Refusal(ArchiveImage.WithPickle([1], ("other/data.pkl", [1]))).Code);
    }

    [Fact]
    public void An_empty_archive_is_refused()
    {
        Assert.Equal("EXPO1050", MemorySource.Refusal(Packed(CompressionLevel.NoCompression)).Code);
    }

    [Fact]
    public void The_format_before_archives_is_refused_with_advice()
    {
        byte[] legacy = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, (byte)'.'];

        TensorFileException refusal = MemorySource.Refusal(legacy);

        Assert.Equal("EXPO1040", refusal.Code);
        Assert.Contains("torch.save", refusal.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Safetensors_whose_length_looks_like_another_format_are_safetensors()
    {
        byte[] file = new byte[8 + 0x280];
        BinaryPrimitives.WriteUInt64LittleEndian(file, 0x280);
        "{}"u8.CopyTo(file.AsSpan(8));
        file.AsSpan(10).Fill((byte)' ');

        Assert.Equal([0x80, 0x02], file[..2]);
        Assert.Equal("safetensors", MemorySource.Read(file).Format);
    }

    [Theory]
    [InlineData(4, 1)]
    [InlineData(6, 1)]
    [InlineData(8, 3)]
    [InlineData(10, 3)]
    [InlineData(12, 3)]
    [InlineData(16, 3)]
    public void An_end_record_that_contradicts_the_rest_is_refused(int at, byte value)
    {
        byte[] file = Edited(Honest.Length - ZipFormat.EndBytes + at, [value]);

        Assert.Equal("EXPO1042", MemorySource.Refusal(file).Code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(32)]
    [InlineData(39)]
    [InlineData(47)]
    [InlineData(48)]
    [InlineData(55)]
    [InlineData(60)]
    [InlineData(64)]
    public void A_record_of_64_bits_that_contradicts_the_rest_is_refused(int at)
    {
        int record = Honest.Length - ZipFormat.EndBytes - ZipFormat.Zip64LocatorBytes - ZipFormat.Zip64EndBytes;
        byte[] file = Edited(record + at, [0xFD]);

        Assert.Equal("EXPO1042", MemorySource.Refusal(file).Code);
    }

    [Fact]
    public void A_directory_that_claims_a_billion_entries_costs_no_memory()
    {
        int record = Honest.Length - ZipFormat.EndBytes - ZipFormat.Zip64LocatorBytes - ZipFormat.Zip64EndBytes;
        byte[] count = BitConverter.GetBytes(1_000_000_000L);
        byte[] file = Edited(record + 24, [.. count, .. count]);
        byte[] beyond = [255, 255, 255, 255];
        beyond.CopyTo(file, Honest.Length - ZipFormat.EndBytes + 8);
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal("EXPO1043", MemorySource.Refusal(file).Code);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000);
    }

    [Fact]
    public void Bytes_in_front_of_the_archive_or_behind_it_are_refused()
    {
        Assert.Equal("EXPO1041", MemorySource.Refusal([.. Honest, 0]).Code);
        Assert.Equal("EXPO1042", MemorySource.Refusal([.. "PK\u0003\u0004"u8, .. Honest]).Code);
    }

    [Fact]
    public void A_file_cut_short_anywhere_is_refused()
    {
        var watch = Stopwatch.StartNew();
        for (int length = 0; length < Honest.Length; length++)
        {
            MemorySource.Refusal(Honest[..length]);
        }

        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
    }

    [Fact]
    public void The_checksum_of_two_pieces_is_that_of_the_whole()
    {
        byte[] bytes = new byte[100_000];
        new Random(1).NextBytes(bytes);

        Assert.Equal(0xCBF43926u, Crc32.Of("123456789"u8));
        foreach (int cut in new[] { 0, 1, 7, 4096, 99_999, 100_000 })
        {
            Assert.Equal(Crc32.Of(bytes), Crc32.Combine(Crc32.Of(bytes.AsSpan(..cut)), Crc32.Of(bytes.AsSpan(cut..)), bytes.Length - cut));
        }
    }

    private static byte[] Edited(int offset, byte[] bytes)
    {
        byte[] file = [.. Honest];
        bytes.CopyTo(file, offset);
        return file;
    }

    private static int DirectoryEntry(int index)
    {
        int at = DirectoryOffset;
        for (int i = 0; i < index; i++)
        {
            at += ZipFormat.DirectoryEntryBytes + BinaryPrimitives.ReadUInt16LittleEndian(Honest.AsSpan(at + 28));
        }

        return at;
    }

    private static int HeaderOffset(int index) => BinaryPrimitives.ReadInt32LittleEndian(Honest.AsSpan(DirectoryEntry(index) + 42));

    private static int FindEntry(byte[] file, string name) =>
        file.AsSpan().LastIndexOf(Encoding.ASCII.GetBytes(name)) - ZipFormat.DirectoryEntryBytes;

    private static byte[] Packed(CompressionLevel level, params (string Name, byte[] Content)[] entries)
    {
        using var packed = new MemoryStream();
        using (var archive = new ZipArchive(packed, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in entries)
            {
                using Stream entry = archive.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }

        return packed.ToArray();
    }
}
