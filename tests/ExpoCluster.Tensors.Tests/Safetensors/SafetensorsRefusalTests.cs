using System.Diagnostics;
using System.Text;

namespace ExpoCluster.Tensors.Tests.Safetensors;

public sealed class SafetensorsRefusalTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void A_file_shorter_than_its_length_field_is_refused(int length)
    {
        TensorFileException refusal = FileImage.Refusal(new byte[length]);

        Assert.Equal("EXPO1010", refusal.Code);
        Assert.Equal($"{length} bytes", refusal.Found);
    }

    [Theory]
    [InlineData(0xFFFFFF000000003CUL)]
    [InlineData(0x8000000000000000UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(100_000_001UL)]
    public void A_header_beyond_the_cap_is_refused(ulong claimedLength)
    {
        TensorFileException refusal = FileImage.Refusal(FileImage.Of(claimedLength, "{}"u8));

        Assert.Equal("EXPO1011", refusal.Code);
        Assert.Equal($"{claimedLength} bytes", refusal.Found);
    }

    [Theory]
    [InlineData(100_000_000UL, "{}")]
    [InlineData(2UL, "")]
    [InlineData(3UL, "{}")]
    [InlineData(40UL, "{\"a\":{\"dtype\":\"F32\",")]
    public void A_header_beyond_the_end_of_the_file_is_refused(ulong claimedLength, string json)
    {
        Assert.Equal("EXPO1012", FileImage.Refusal(FileImage.Of(claimedLength, Encoding.UTF8.GetBytes(json))).Code);
    }

    [Fact]
    public void A_short_file_that_claims_the_largest_header_costs_no_memory()
    {
        byte[] file = FileImage.Of(100_000_000UL, "{}"u8);
        FileImage.Refusal(file);

        long before = GC.GetAllocatedBytesForCurrentThread();
        FileImage.Refusal(file);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public void A_header_that_is_not_UTF8_is_refused_at_the_first_wrong_byte()
    {
        byte[] file = FileImage.Of([.. "{\"ä"u8, 0xFF, .. "\":1}"u8]);

        TensorFileException refusal = FileImage.Refusal(file);

        Assert.Equal("EXPO1013", refusal.Code);
        Assert.Equal(8 + 4, refusal.Offset);
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("{")]
    [InlineData("}")]
    [InlineData("{\"a\"")]
    [InlineData("{\"a\":")]
    [InlineData("{'a':1}")]
    [InlineData("{\"a\\x\":1}")]
    [InlineData("{\"a\nb\":1}")]
    [InlineData("{\"__metadata__\":{\"a\":\"b\"},}")]
    [InlineData("{\"__metadata__\":{\"a\":\"b\",}}")]
    [InlineData("{/* comment */}")]
    [InlineData("{} // comment", "EXPO1016")]
    [InlineData("{\"t\":{\"dtype\":\"U8\",\"shape\":[0,],\"data_offsets\":[0,0]}}")]
    [InlineData("{\"t\":{\"dtype\":\"U8\",\"shape\":[NaN],\"data_offsets\":[0,0]}}")]
    public void A_header_that_is_not_JSON_is_refused(string json, string code = "EXPO1014")
    {
        Assert.Equal(code, FileImage.Refusal(json).Code);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("null")]
    [InlineData("\"\"")]
    public void A_header_that_is_not_an_object_is_refused(string json)
    {
        Assert.Equal("EXPO1015", FileImage.Refusal(json).Code);
    }

    [Theory]
    [InlineData("{}x", 10)]
    [InlineData("{}{}", 10)]
    [InlineData("{} \0", 11)]
    [InlineData("{}\0\0\0\0\0\0", 10)]
    [InlineData("{}\v", 10)]
    [InlineData("{}\u00A0", 10)]
    [InlineData("\uFEFF{}", 8)]
    public void Anything_besides_the_object_and_white_space_is_refused(string json, int offset)
    {
        TensorFileException refusal = FileImage.Refusal(json);

        Assert.Equal("EXPO1016", refusal.Code);
        Assert.Equal(offset, refusal.Offset);
    }

    [Theory]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("""{"a\udc00b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("""{"\udc00\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("""{"__metadata__":{"a":"\ud800"}}""")]
    [InlineData("""{"__metadata__":{"\ud800":"a"}}""")]
    [InlineData("""{"t":{"\ud800":1,"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("""{"t":{"dtype":"\ud800","shape":[0],"data_offsets":[0,0]}}""")]
    public void A_lone_surrogate_is_refused(string json)
    {
        Assert.Equal("EXPO1017", FileImage.Refusal(json).Code);
    }

    [Fact]
    public void Nesting_deeper_than_128_levels_is_refused()
    {
        TensorFileException refusal = FileImage.Refusal(NestedTo(129));

        Assert.Equal("EXPO1018", refusal.Code);
        Assert.Equal("t", refusal.Tensor);
        Assert.Equal("EXPO1018", FileImage.Refusal(NestedTo(100_000)).Code);
    }

    [Fact]
    public void Nesting_of_128_levels_is_accepted()
    {
        Assert.Single(FileImage.Parse(NestedTo(128)).Tensors);
    }

    [Theory]
    [InlineData("""{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", "t")]
    [InlineData("""{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0074":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", "t")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "__metadata__")]
    [InlineData("""{"__metadata__":null,"__metadata__":null}""", "__metadata__")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", "__metadata__")]
    [InlineData("""{"t":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", "t")]
    [InlineData("""{"t":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}""", "t")]
    [InlineData("""{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"data_offsets":[0,0]}}""", "t")]
    [InlineData("""{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":1,"x":1}}""", "t")]
    public void A_duplicate_key_is_refused(string json, string tensor)
    {
        TensorFileException refusal = FileImage.Refusal(json);

        Assert.Equal("EXPO1019", refusal.Code);
        Assert.Equal(tensor, refusal.Tensor);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("true")]
    public void Metadata_with_a_value_that_is_not_text_is_refused(string value)
    {
        Assert.Equal("EXPO1020", FileImage.Refusal($$$"""{"__metadata__":{"a":{{{value}}}}}""").Code);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("[]")]
    [InlineData("\"\"")]
    public void Metadata_that_is_not_an_object_is_refused(string value)
    {
        Assert.Equal("EXPO1020", FileImage.Refusal($$$"""{"__metadata__":{{{value}}}}""").Code);
    }

    [Theory]
    [InlineData("""null""")]
    [InlineData("""[]""")]
    [InlineData("""{}""")]
    [InlineData("""{"shape":[0],"data_offsets":[0,0]}""")]
    [InlineData("""{"dtype":"U8","data_offsets":[0,0]}""")]
    [InlineData("""{"dtype":"U8","shape":[0]}""")]
    [InlineData("""{"dtype":1,"shape":[0],"data_offsets":[0,0]}""")]
    [InlineData("""{"dtype":null,"shape":[0],"data_offsets":[0,0]}""")]
    [InlineData("""{"dtype":"U8","shape":0,"data_offsets":[0,0]}""")]
    [InlineData("""{"dtype":"U8","shape":null,"data_offsets":[0,0]}""")]
    [InlineData("""{"dtype":"U8","shape":[0],"data_offsets":{}}""")]
    [InlineData("""{"dtype":"U8","shape":[0],"data_offsets":[]}""")]
    [InlineData("""{"dtype":"U8","shape":[0],"data_offsets":[0]}""")]
    [InlineData("""{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}""")]
    public void An_entry_of_the_wrong_form_is_refused(string entry)
    {
        TensorFileException refusal = FileImage.Refusal($$$"""{"layer.weight":{{{entry}}}}""");

        Assert.Equal("EXPO1021", refusal.Code);
        Assert.Contains("'layer.weight'", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("F7")]
    [InlineData("f32")]
    [InlineData("FLOAT")]
    [InlineData("")]
    public void An_unknown_dtype_is_refused(string dtype)
    {
        TensorFileException refusal = FileImage.Refusal($$$"""{"layer.weight":{"dtype":"{{{dtype}}}","shape":[0],"data_offsets":[0,0]}}""");

        Assert.Equal("EXPO1022", refusal.Code);
        Assert.Equal(dtype, refusal.Found);
        Assert.Contains("'layer.weight'", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-16")]
    [InlineData("16.0")]
    [InlineData("1e2")]
    [InlineData("1E2")]
    [InlineData("\"16\"")]
    [InlineData("-0")]
    [InlineData("-")]
    [InlineData("016")]
    [InlineData("00")]
    [InlineData("18446744073709551616")]
    [InlineData("100000000000000000000000000000000000000000")]
    [InlineData("null")]
    [InlineData("[16]")]
    public void A_number_that_is_not_plain_and_whole_is_refused(string number)
    {
        string inShape = $$$"""{"layer.weight":{"dtype":"U8","shape":[{{{number}}}],"data_offsets":[0,16]}}""";
        string inOffsets = $$$"""{"layer.weight":{"dtype":"U8","shape":[16],"data_offsets":[0,{{{number}}}]}}""";

        foreach (string json in (string[])[inShape, inOffsets])
        {
            TensorFileException refusal = FileImage.Refusal(json, dataBytes: 16);
            Assert.Equal("EXPO1023", refusal.Code);
            Assert.Contains("'layer.weight'", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("U8", "[2,18446744073709551614]")]
    [InlineData("U8", "[2,9223372036854775807]")]
    [InlineData("F32", "[2,9223372036854775807]")]
    [InlineData("F32", "[9223372036854775807]")]
    [InlineData("U8", "[9223372036854775808]")]
    [InlineData("U8", "[0,18446744073709551615]")]
    [InlineData("U8", "[9223372036854775807,2,0]")]
    [InlineData("F64", "[4294967296,4294967296,4294967296,4294967296]")]
    public void A_size_that_overflows_is_refused(string dtype, string shape)
    {
        TensorFileException refusal = FileImage.Refusal(
            $$$"""{"layer.weight":{"dtype":"{{{dtype}}}","shape":{{{shape}}},"data_offsets":[0,0]}}""");

        Assert.Equal("EXPO1024", refusal.Code);
        Assert.Contains("'layer.weight'", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[0,9223372036854775808]", "EXPO1024")]
    [InlineData("[18446744073709551615,18446744073709551615]", "EXPO1024")]
    [InlineData("[9223372036854775807,9223372036854775807]", "EXPO1026")]
    [InlineData("[0,9223372036854775807]", "EXPO1029")]
    public void Offsets_at_the_edge_of_the_range_are_refused(string offsets, string code)
    {
        Assert.Equal(code, FileImage.Refusal($$$"""{"t":{"dtype":"U8","shape":[0],"data_offsets":{{{offsets}}}}}""").Code);
    }

    [Theory]
    [InlineData("[[16,8]]", "EXPO1025")]
    [InlineData("[[0,16],[16,8]]", "EXPO1025")]
    [InlineData("[[8,16]]", "EXPO1026")]
    [InlineData("[[0,8],[9,16]]", "EXPO1026")]
    [InlineData("[[0,8],[4,12]]", "EXPO1027")]
    [InlineData("[[0,8],[0,8]]", "EXPO1027")]
    [InlineData("[[0,8],[0,16]]", "EXPO1027")]
    [InlineData("[[0,8],[4,4],[8,16]]", "EXPO1027")]
    public void Offsets_that_do_not_tile_the_data_are_refused(string ranges, string code)
    {
        (int Begin, int End)[] offsets = [.. System.Text.Json.JsonSerializer.Deserialize<int[][]>(ranges)!.Select(range => (range[0], range[1]))];

        TensorFileException refusal = FileImage.Refusal(Bytes(offsets), dataBytes: 16);

        Assert.Equal(code, refusal.Code);
        Assert.StartsWith("t", refusal.Tensor, StringComparison.Ordinal);
    }

    [Fact]
    public void An_overlap_names_the_tensor_and_where_it_should_begin()
    {
        TensorFileException refusal = FileImage.Refusal(Bytes((0, 8), (4, 12)), dataBytes: 12);

        Assert.Equal("t1", refusal.Tensor);
        Assert.Equal("data_offsets that begin at 8", refusal.Expected);
        Assert.Equal("[4,12]", refusal.Found);
        Assert.Equal(8 + Bytes((0, 8), (4, 12)).Length + 4, refusal.Offset);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(100_000)]
    public void Many_tensors_on_one_range_are_refused_quickly(int count)
    {
        byte[] file = FileImage.Of(Bytes([.. Enumerable.Repeat((0, 16), count)]), dataBytes: 16);
        var watch = Stopwatch.StartNew();

        Assert.Equal("EXPO1027", FileImage.Refusal(file).Code);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("F4", "[1,3]", 1)]
    [InlineData("F4", "[1,3]", 2)]
    [InlineData("F4", "[]", 1)]
    [InlineData("F6_E2M3", "[2]", 1)]
    [InlineData("F6_E3M2", "[1,3]", 3)]
    public void Elements_that_do_not_fill_whole_bytes_are_refused(string dtype, string shape, int size)
    {
        TensorFileException refusal = FileImage.Refusal(
            $$$"""{"t":{"dtype":"{{{dtype}}}","shape":{{{shape}}},"data_offsets":[0,{{{size}}}]}}""", dataBytes: size);

        Assert.Equal("EXPO1028", refusal.Code);
        Assert.Equal("t", refusal.Tensor);
    }

    [Theory]
    [InlineData("F4", "[1,2]", 2)]
    [InlineData("F32", "[1,2,3]", 20)]
    [InlineData("F32", "[1,2,3]", 28)]
    [InlineData("BF16", "[]", 4)]
    [InlineData("U8", "[2,0]", 2)]
    [InlineData("C64", "[1]", 16)]
    public void A_size_other_than_shape_and_dtype_give_is_refused(string dtype, string shape, int size)
    {
        TensorFileException refusal = FileImage.Refusal(
            $$$"""{"t":{"dtype":"{{{dtype}}}","shape":{{{shape}}},"data_offsets":[0,{{{size}}}]}}""", dataBytes: size);

        Assert.Equal("EXPO1029", refusal.Code);
        Assert.Equal("t", refusal.Tensor);
        Assert.Equal($"{size} bytes", refusal.Found);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    public void Data_that_ends_before_the_last_tensor_is_refused(int dataBytes)
    {
        TensorFileException refusal = FileImage.Refusal(Bytes((0, 8), (8, 16)), dataBytes);

        Assert.Equal("EXPO1030", refusal.Code);
        Assert.Equal("t1", refusal.Tensor);
        Assert.Equal("16 bytes of data", refusal.Expected);
        Assert.Equal($"{dataBytes} bytes", refusal.Found);
    }

    [Theory]
    [InlineData(17)]
    [InlineData(4096)]
    public void Bytes_behind_the_last_tensor_are_refused(int dataBytes)
    {
        string json = Bytes((0, 8), (8, 16));

        TensorFileException refusal = FileImage.Refusal(json, dataBytes);

        Assert.Equal("EXPO1031", refusal.Code);
        Assert.Equal(8 + json.Length + 16, refusal.Offset);
    }

    [Fact]
    public void Bytes_behind_a_file_without_tensors_are_refused()
    {
        Assert.Equal("EXPO1031", FileImage.Refusal("{}", dataBytes: 1).Code);
    }

    [Fact]
    public void The_message_of_a_hostile_name_stays_on_one_short_line()
    {
        string name = "\\u001b[2J\\n" + new string('x', 10_000);

        TensorFileException refusal = FileImage.Refusal($$$"""{"{{{name}}}":{"dtype":"F7","shape":[],"data_offsets":[0,0]}}""");

        Assert.DoesNotContain(refusal.Message, char.IsControl);
        Assert.InRange(refusal.Message.Length, 1, 500);
    }

    private static string NestedTo(int depth) =>
        // The root and the entry are two levels already.
        $$$"""{"t":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":{{{new string('[', depth - 2)}}}{{{new string(']', depth - 2)}}}}}""";

    /// <summary>A header of U8 tensors t0, t1 … at the given offsets, each of the right shape where there is one.</summary>
    private static string Bytes(params (int Begin, int End)[] offsets) =>
        "{" + string.Join(',', offsets.Select((range, i) =>
            $$$"""
            "t{{{i}}}":{"dtype":"U8","shape":[{{{Math.Max(0, range.End - range.Begin)}}}],"data_offsets":[{{{range.Begin}}},{{{range.End}}}]}
            """)) + "}";
}
