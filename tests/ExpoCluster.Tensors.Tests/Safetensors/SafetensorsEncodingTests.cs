using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Tensors.Tests.Safetensors;

public sealed class SafetensorsEncodingTests
{
    private static readonly ImmutableDictionary<string, string> NoMetadata = ImmutableDictionary<string, string>.Empty;
    private static readonly ImmutableDictionary<string, string> Pt = NoMetadata.Add("format", "pt");

    [Fact]
    public void A_header_is_JSON_without_spaces()
    {
        Assert.Equal(
            """{"__metadata__":{"format":"pt"},"name":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]},"s":{"dtype":"F8_E4M3","shape":[],"data_offsets":[24,25]}}""",
            Json([new("name", Dtype.F32, [1, 2, 3], 0, 24), new("s", Dtype.F8E4M3, [], 24, 25)], Pt).TrimEnd(' '));
    }

    [Theory]
    [InlineData("", 64)]
    [InlineData("1", 64)]
    [InlineData("123456", 72)]
    [InlineData("1234567", 72)]
    [InlineData("12345678", 72)]
    public void Spaces_make_the_data_start_at_a_multiple_of_8_and_count_as_header(string name, int length)
    {
        byte[] header = SafetensorsHeader.Encode([new(name, Dtype.U8, [0], 0, 0)], NoMetadata);

        string json = Encoding.UTF8.GetString(header[8..]);
        Assert.Equal(length, header.Length);
        Assert.Equal(header.Length - 8, BinaryPrimitives.ReadInt64LittleEndian(header));
        Assert.Equal("}}", json.TrimEnd(' ')[^2..]);
        Assert.InRange(json.Length - json.TrimEnd(' ').Length, 0, 7);
    }

    [Fact]
    public void Nothing_at_all_is_an_empty_object()
    {
        Assert.Equal("{}      ", Json([], NoMetadata));
        Assert.Equal("""{"__metadata__":{"format":"pt"}}""", Json([], Pt));
    }

    [Theory]
    [InlineData("a\"b", "a\\\"b")]
    [InlineData("a\\b", "a\\\\b")]
    [InlineData("\b\f\n\r\t", "\\b\\f\\n\\r\\t")]
    [InlineData("\0\u0001\u000B\u001F", "\\u0000\\u0001\\u000b\\u001f")]
    [InlineData("/<>&'+\u007F", "/<>&'+\u007F")]
    [InlineData("ä\u00A0\u2028\uFEFF\uFFFF", "ä\u00A0\u2028\uFEFF\uFFFF")]
    [InlineData("\U0001F600", "\U0001F600")]
    public void Text_is_escaped_only_where_JSON_demands_it(string text, string escaped)
    {
        Assert.StartsWith($"{{\"{escaped}\":{{\"dtype\"", Json([new(text, Dtype.U8, [0], 0, 0)], NoMetadata), StringComparison.Ordinal);
        Assert.StartsWith(
            $"{{\"__metadata__\":{{\"{escaped}\":\"{escaped}\"}}}}", Json([], NoMetadata.Add(text, text)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"\\/\b\f\n\r\t\u0001")]
    [InlineData("ä😀\u2028")]
    [InlineData("")]
    public void The_reader_reads_back_what_was_written(string text)
    {
        SafetensorsHeader header = FileImage.Parse(
            SafetensorsHeader.Encode([new(text, Dtype.U8, [0], 0, 0)], NoMetadata.Add(text, text)));

        Assert.Equal(text, Assert.Single(header.Tensors).Name);
        Assert.Equal(text, header.Metadata[text]);
    }

    [Fact]
    public void Metadata_is_sorted_so_that_equal_input_gives_equal_bytes()
    {
        var unsorted = new Dictionary<string, string> { ["b"] = "1", ["\U0001F600"] = "2", ["\uFF21"] = "3", ["a"] = "4" };

        Assert.Equal(
            "{\"__metadata__\":{\"a\":\"4\",\"b\":\"1\",\"\uFF21\":\"3\",\"\U0001F600\":\"2\"}}", Json([], unsorted).TrimEnd(' '));
    }

    [Fact]
    public void A_tensor_with_the_name_of_the_metadata_is_refused()
    {
        TensorFileException refusal = Refusal("__metadata__");

        Assert.Equal("EXPO1032", refusal.Code);
        Assert.Equal("__metadata__", refusal.Tensor);
    }

    [Fact]
    public void Two_tensors_of_one_name_are_refused()
    {
        Assert.Equal("EXPO1019", Refusal("t", "t").Code);
    }

    [Fact]
    public void A_name_with_a_lone_surrogate_is_refused()
    {
        // Not as InlineData, for the compiler stores that as UTF-8 and would repair the names.
        Assert.Equal("EXPO1017", Refusal("\uD800").Code);
        Assert.Equal("EXPO1017", Refusal("a\uDC00b").Code);
        Assert.Equal("EXPO1017", Refusal("\uD800\n\uDC00").Code);
    }

    [Fact]
    public void A_header_over_the_cap_is_refused_before_it_is_built()
    {
        string huge = new('x', 100_000_000);

        long before = GC.GetAllocatedBytesForCurrentThread();
        TensorFileException refusal = Refusal(huge);

        Assert.Equal("EXPO1033", refusal.Code);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_header_of_exactly_the_cap_is_written()
    {
        // {"":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}} has 52 bytes.
        var tensor = new SafetensorsTensor(new string('x', 100_000_000 - 52), Dtype.U8, [0], 0, 0);

        Assert.Equal(100_000_008, SafetensorsHeader.Encode([tensor], NoMetadata).Length);
        Assert.Equal("EXPO1033", Refusal(tensor.Name + "x").Code);
    }

    private static string Json(SafetensorsTensor[] tensors, IReadOnlyDictionary<string, string> metadata) =>
        Encoding.UTF8.GetString(SafetensorsHeader.Encode(tensors, metadata).AsSpan(8));

    private static TensorFileException Refusal(params string[] names) => Assert.Throws<TensorFileException>(
        () => SafetensorsHeader.Encode([.. names.Select(name => new SafetensorsTensor(name, Dtype.U8, [0], 0, 0))], NoMetadata));
}
