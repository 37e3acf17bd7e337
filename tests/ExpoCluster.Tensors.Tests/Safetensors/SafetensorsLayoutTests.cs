using System.Collections.Immutable;
using ExpoCluster.Tensors.Dtypes;
using ExpoCluster.Tensors.Safetensors;

namespace ExpoCluster.Tensors.Tests.Safetensors;

public sealed class SafetensorsLayoutTests
{
    [Fact]
    public void Tensors_are_sorted_by_dtype_descending_in_the_order_of_the_format()
    {
        Dtype[] shuffled = [.. Enum.GetValues<Dtype>()];
        new Random(7).Shuffle(shuffled);

        ImmutableArray<SafetensorsTensor> arranged = SafetensorsLayout.Arrange(
            shuffled.Select(dtype => (dtype.Name(), dtype, ImmutableArray.Create(4L))));

        Assert.Equal(
            "U64 I64 F64 C64 F32 U32 I32 BF16 F16 U16 I16 F8_E5M2FNUZ F8_E4M3FNUZ F8_E8M0 F8_E4M3 F8_E5M2 I8 U8 F6_E3M2 F6_E2M3 F4 BOOL",
            string.Join(' ', arranged.Select(tensor => tensor.Name)));
    }

    [Fact]
    public void Equal_dtypes_are_sorted_by_name_as_UTF8_bytes()
    {
        // U+1F600 is a surrogate pair in UTF-16, whose first unit is less than U+FF21; in UTF-8 it comes last.
        string[] names = ["b", "", "\U0001F600", "a.10", "\uFF21", "a", "a.2", "Z", "ä", "\U0001F600x"];

        ImmutableArray<SafetensorsTensor> arranged = SafetensorsLayout.Arrange(
            names.Select(name => (name, Dtype.U8, ImmutableArray<long>.Empty)));

        Assert.Equal(["", "Z", "a", "a.10", "a.2", "b", "ä", "\uFF21", "\U0001F600", "\U0001F600x"], arranged.Select(tensor => tensor.Name));
    }

    [Fact]
    public void Offsets_follow_each_other_without_a_gap_from_0()
    {
        ImmutableArray<SafetensorsTensor> arranged = SafetensorsLayout.Arrange(
        [
            ("bytes", Dtype.U8, [3]),
            ("scalar", Dtype.F64, []),
            ("empty", Dtype.F32, [2, 0]),
            ("half", Dtype.F4, [2, 3]),
            ("matrix", Dtype.BF16, [2, 5]),
        ]);

        Assert.Equal(
            ["scalar 0-8", "empty 8-8", "matrix 8-28", "bytes 28-31", "half 31-34"],
            arranged.Select(tensor => $"{tensor.Name} {tensor.Begin}-{tensor.End}"));
    }

    [Fact]
    public void A_layout_is_accepted_by_the_reader()
    {
        ImmutableArray<SafetensorsTensor> arranged = SafetensorsLayout.Arrange(
            [("b", Dtype.U8, [3]), ("a", Dtype.I64, [2]), ("c", Dtype.BF16, [0])]);
        byte[] file = [.. SafetensorsHeader.Encode(arranged, ImmutableDictionary<string, string>.Empty), .. new byte[19]];

        Assert.Equal(["a", "c", "b"], FileImage.Parse(file).Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void No_tensors_make_an_empty_layout()
    {
        Assert.Empty(SafetensorsLayout.Arrange([]));
    }

    [Fact]
    public void Sizes_that_overflow_together_are_refused()
    {
        TensorFileException refusal = Assert.Throws<TensorFileException>(() => SafetensorsLayout.Arrange(
            Enumerable.Range(0, 9).Select(i => ($"t{i}", Dtype.U8, ImmutableArray.Create(1L << 60)))));

        Assert.Equal("EXPO1024", refusal.Code);
        Assert.Equal("t7", refusal.Tensor);
    }

    [Theory]
    [InlineData(Dtype.U8, long.MaxValue)]
    [InlineData(Dtype.F64, 1L << 60)]
    [InlineData(Dtype.U8, -1)]
    public void A_size_that_overflows_alone_is_refused(Dtype dtype, long extent)
    {
        TensorFileException refusal = Assert.Throws<TensorFileException>(() => SafetensorsLayout.Arrange([("t", dtype, [extent])]));

        Assert.Equal("EXPO1024", refusal.Code);
    }

    [Fact]
    public void Elements_that_do_not_fill_whole_bytes_are_refused()
    {
        TensorFileException refusal = Assert.Throws<TensorFileException>(() => SafetensorsLayout.Arrange([("t", Dtype.F4, [3])]));

        Assert.Equal("EXPO1028", refusal.Code);
    }
}
