using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Tensors.Tests.Safetensors;

public sealed class SafetensorsHeaderTests : IDisposable
{
    private readonly ScratchDirectory scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public void A_scalar_has_an_empty_shape_and_one_element()
    {
        SafetensorsTensor scalar = Assert.Single(
            FileImage.Parse("""{"t":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}""", dataBytes: 4).Tensors);

        Assert.Empty(scalar.Shape);
        Assert.Equal(1, scalar.ElementCount);
        Assert.Equal(4, scalar.ByteCount);
        Assert.Equal(Dtype.F32, scalar.Dtype);
    }

    [Fact]
    public void Empty_tensors_may_share_an_offset_and_are_sorted_by_name()
    {
        SafetensorsHeader header = FileImage.Parse(
            """
            {"full":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},
             "b":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},
             "z":{"dtype":"F32","shape":[0],"data_offsets":[4,4]},
             "a":{"dtype":"I64","shape":[0,3,0],"data_offsets":[0,0]}}
            """,
            dataBytes: 4);

        Assert.Equal(["a", "b", "full", "z"], header.Tensors.Select(tensor => tensor.Name));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("{} ")]
    [InlineData("{}\r\t\n ")]
    [InlineData("\n{}")]
    [InlineData("{ \"__metadata__\" : { } }")]
    [InlineData("{\"__metadata__\":{}}")]
    [InlineData("{\"__metadata__\":null}")]
    public void White_space_and_absent_or_empty_metadata_are_accepted(string json)
    {
        SafetensorsHeader header = FileImage.Parse(json);

        Assert.Empty(header.Metadata);
        Assert.Empty(header.Tensors);
        Assert.Equal(8 + json.Length, header.DataStart);
    }

    [Fact]
    public void A_file_may_hold_only_metadata()
    {
        SafetensorsHeader header = FileImage.Parse("""{"__metadata__":{"format":"pt","\u00e4\n":"\ud83d\ude00"}}""");

        Assert.Equal(2, header.Metadata.Count);
        Assert.Equal("pt", header.Metadata["format"]);
        Assert.Equal("😀", header.Metadata["ä\n"]);
    }

    [Fact]
    public void Tensors_are_given_in_the_order_of_their_offsets_whatever_the_order_of_the_JSON()
    {
        SafetensorsHeader header = FileImage.Parse(
            """
            {"a":{"dtype":"U8","shape":[2],"data_offsets":[6,8]},
             "b":{"data_offsets":[0,4],"shape":[4],"dtype":"U8"},
             "c":{"dtype":"U16","shape":[1],"data_offsets":[4,6]}}
            """,
            dataBytes: 8);

        Assert.Equal(["b", "c", "a"], header.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([0L, 4, 6], header.Tensors.Select(tensor => tensor.Begin));
        Assert.Equal([4L, 6, 8], header.Tensors.Select(tensor => tensor.End));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("-1.5e3")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("\"text\"")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("[1,[2,{\"shape\":[9]}],{\"dtype\":{}}]")]
    public void An_unknown_field_is_passed_over(string value)
    {
        SafetensorsTensor tensor = Assert.Single(FileImage.Parse(
            $$$"""{"t":{"extra":{{{value}}},"dtype":"U8","shape":[3],"data_offsets":[0,3],"more":{{{value}}} } }""", dataBytes: 3).Tensors);

        Assert.Equal(3, Assert.Single(tensor.Shape));
    }

    [Theory]
    [InlineData("BOOL", 8)]
    [InlineData("F4", 4)]
    [InlineData("F6_E2M3", 6)]
    [InlineData("F6_E3M2", 6)]
    [InlineData("U8", 8)]
    [InlineData("I8", 8)]
    [InlineData("F8_E5M2", 8)]
    [InlineData("F8_E4M3", 8)]
    [InlineData("F8_E8M0", 8)]
    [InlineData("F8_E4M3FNUZ", 8)]
    [InlineData("F8_E5M2FNUZ", 8)]
    [InlineData("I16", 16)]
    [InlineData("U16", 16)]
    [InlineData("F16", 16)]
    [InlineData("BF16", 16)]
    [InlineData("I32", 32)]
    [InlineData("U32", 32)]
    [InlineData("F32", 32)]
    [InlineData("C64", 64)]
    [InlineData("F64", 64)]
    [InlineData("I64", 64)]
    [InlineData("U64", 64)]
    public void Every_dtype_of_the_format_is_known(string dtype, int bits)
    {
        SafetensorsTensor tensor = Assert.Single(FileImage.Parse(
            $$$"""{"t":{"dtype":"{{{dtype}}}","shape":[2,2],"data_offsets":[0,{{{bits / 2}}}]}}""", dataBytes: bits / 2).Tensors);

        Assert.Equal(dtype, tensor.Dtype.Name());
    }

    [Fact]
    public void A_hundred_thousand_tensors_are_read_within_a_second_or_so()
    {
        ImmutableArray<SafetensorsTensor> tensors = SafetensorsLayout.Arrange(
            Enumerable.Range(0, 100_000).Select(i => ($"model.layers.{i}.mlp.down_proj.weight", Dtype.BF16, ImmutableArray.Create(2L, 1))));
        byte[] file = [.. SafetensorsHeader.Encode(tensors, ImmutableDictionary<string, string>.Empty), .. new byte[400_000]];
        var watch = Stopwatch.StartNew();

        SafetensorsHeader header = FileImage.Parse(file);

        Assert.Equal(100_000, header.Tensors.Length);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData(500_000, """{"t":{"dtype":"U8","shape":[""", "1,", """1],"data_offsets":[0,1]}}""")]
    [InlineData(500_000, """{"t":{"x":[""", "[],", """0],"dtype":"U8","shape":[],"data_offsets":[0,1]}}""")]
    [InlineData(50_000, """{"t":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"__metadata__":{""", "\"{0}\":\"\",", "\"\":\"\"}}")]
    [InlineData(50_000, """{"t":{"dtype":"U8","shape":[],"data_offsets":[0,1],""", "\"{0}\":0,", "\"x\":0}}")]
    public void A_header_costs_memory_in_proportion_to_its_size(int count, string start, string repeated, string end)
    {
        string middle = string.Concat(Enumerable.Range(0, count).Select(i => repeated.Replace("{0}", $"{i}", StringComparison.Ordinal)));
        byte[] file = FileImage.Of(start + middle + end, dataBytes: 1);

        long before = GC.GetAllocatedBytesForCurrentThread();
        FileImage.Parse(file);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 30L * file.Length);
    }

    [Fact]
    public void The_start_of_the_data_is_measured_from_the_first_8_bytes_and_lies_within_the_file()
    {
        byte[] firstBytes = FileImage.Of(claimedLength: 2, json: []);

        Assert.Equal(10, SafetensorsHeader.MeasureDataStart(firstBytes, fileLength: 10, "remote"));
        TensorFileException refusal = Assert.Throws<TensorFileException>(
            () => SafetensorsHeader.MeasureDataStart(firstBytes, fileLength: 9, "remote"));
        Assert.Equal("EXPO1012", refusal.Code);
    }

    [Fact]
    public void A_prefix_of_the_file_is_enough_to_parse()
    {
        byte[] file = FileImage.Of("""{"t":{"dtype":"U8","shape":[1000000],"data_offsets":[0,1000000]}}""");

        Assert.Single(SafetensorsHeader.Parse(file, file.Length + 1_000_000, "remote").Tensors);
    }

    [Fact]
    public void A_prefix_that_ends_within_the_header_is_refused()
    {
        byte[] file = FileImage.Of("""{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""");

        TensorFileException refusal = Assert.Throws<TensorFileException>(
            () => SafetensorsHeader.Parse(file.AsSpan()[..20], file.Length, "remote"));

        Assert.Equal("EXPO1012", refusal.Code);
    }

    [Fact]
    public void The_digest_is_SHA256_over_length_field_and_header_only()
    {
        byte[] file = FileImage.Of("""{"t":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", dataBytes: 3);

        Assert.Equal(Convert.ToHexString(SHA256.HashData(file[..^3])).ToLowerInvariant(), FileImage.Parse(file).Digest);
    }

    [Fact]
    public void A_file_on_disk_is_read_like_its_bytes()
    {
        byte[] file = FileImage.Of("""{"t":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}""", dataBytes: 4);

        SafetensorsHeader header = SafetensorsHeader.ReadFrom(scratch.Write("model.safetensors", file));

        Assert.Equal(FileImage.Parse(file).Digest, header.Digest);
        Assert.Equal("t", Assert.Single(header.Tensors).Name);
    }

    [Theory]
    [InlineData(0, "EXPO1010")]
    [InlineData(5, "EXPO1010")]
    [InlineData(8, "EXPO1012")]
    [InlineData(20, "EXPO1012")]
    public void A_truncated_file_on_disk_is_refused_by_its_path(int length, string code)
    {
        byte[] file = FileImage.Of("""{"t":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}""", dataBytes: 4);
        string path = scratch.Write("cut.safetensors", file[..length]);

        TensorFileException refusal = Assert.Throws<TensorFileException>(() => SafetensorsHeader.ReadFrom(path));

        Assert.Equal(code, refusal.Code);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_nine_dtypes_of_the_formats_own_example_are_read()
    {
        SafetensorsHeader header = SafetensorsHeader.ReadFrom(Fixture.PathOf("real/overall.safetensors"));

        Assert.Equal("a", header.Metadata["test"]);
        Assert.Equal(
            ["B:U8", "H:U16", "I:U32", "b:I8", "d:F64", "e:F16", "f:F32", "h:I16", "i:I32"],
            header.Tensors.Select(tensor => $"{tensor.Name}:{tensor.Dtype.Name()}").Order(StringComparer.Ordinal));
        Assert.All(header.Tensors, tensor => Assert.Equal(6, tensor.ElementCount));
    }

    [Theory]
    [InlineData("real/multi_layer.safetensors", 1, 6)]
    [InlineData("real/mnist-a/model.safetensors", 2, 18)]
    [InlineData("real/mnist-b/model.safetensors", 2, 18)]
    [InlineData("golden/mnist/model.safetensors", 2, 18)]
    public void Real_networks_are_read(string name, int counters, int floats)
    {
        SafetensorsHeader header = SafetensorsHeader.ReadFrom(Fixture.PathOf(name));

        Assert.Equal(counters, header.Tensors.Count(tensor => tensor.Dtype == Dtype.I64));
        Assert.True(header.Tensors.Count(tensor => tensor.Dtype == Dtype.F32) >= floats);
    }

    [Theory]
    [InlineData("real/multi_layer.safetensors")]
    [InlineData("real/mnist-a/model.safetensors")]
    [InlineData("real/mnist-b/model.safetensors")]
    [InlineData("golden/mnist/model.safetensors")]
    [InlineData("golden/ckpt_aligned.safetensors")]
    public void Layout_and_encoding_reproduce_the_header_that_the_formats_own_writer_wrote(string name)
    {
        byte[] file = Fixture.Read(name);
        SafetensorsHeader header = SafetensorsHeader.Parse(file, file.Length, name);

        byte[] again = SafetensorsHeader.Encode(
            SafetensorsLayout.Arrange(header.Tensors.Reverse().Select(tensor => (tensor.Name, tensor.Dtype, tensor.Shape))),
            header.Metadata);

        Assert.Equal(Encoding.UTF8.GetString(file[8..(int)header.DataStart]), Encoding.UTF8.GetString(again[8..]));
        Assert.Equal(file[..8], again[..8]);
    }

    [Theory]
    [InlineData("golden/expo_bf16.safetensors")]
    [InlineData("golden/expo_bf16_f32.safetensors")]
    [InlineData("golden/expo_bf16_f64.safetensors")]
    [InlineData("golden/expo_f16.safetensors")]
    [InlineData("golden/expo_f32.safetensors")]
    [InlineData("golden/expo_f32_bf16.safetensors")]
    [InlineData("golden/expo_f64.safetensors")]
    public void Only_the_order_of_the_metadata_differs_where_the_formats_own_writer_leaves_it_to_chance(string name)
    {
        byte[] file = Fixture.Read(name);
        SafetensorsHeader header = SafetensorsHeader.Parse(file, file.Length, name);
        string firstEntry = $"\"{header.Tensors[0].Name}\":{{\"dtype\"";
        string original = Encoding.UTF8.GetString(file[8..(int)header.DataStart]);

        string again = Encoding.UTF8.GetString(SafetensorsHeader.Encode(header.Tensors, header.Metadata)[8..]);

        Assert.Equal(original.Length, again.Length);
        Assert.Equal(
            original[original.IndexOf(firstEntry, StringComparison.Ordinal)..],
            again[again.IndexOf(firstEntry, StringComparison.Ordinal)..]);
        Assert.Equal(header.Metadata, FileImage.Parse(FileImage.Of(again, dataBytes: file.Length - (int)header.DataStart)).Metadata);
    }
}
