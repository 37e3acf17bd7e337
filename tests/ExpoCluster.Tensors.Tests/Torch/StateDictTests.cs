using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Tensors.Tests.Torch;

/// <summary>Which tensors of a pickle are the checkpoint, and where each of them lies.</summary>
public sealed class StateDictTests
{
    [Fact]
    public void A_flat_dict_is_the_checkpoint()
    {
        WeightsTensor tensor = Assert.Single(Read(Flat(PickleImage.Tensor())).Tensors);

        Assert.Equal(("w", Dtype.F32, 12L), (tensor.Name, tensor.Dtype, tensor.ByteCount));
    }

    [Fact]
    public void A_parameter_is_its_tensor()
    {
        byte[] parameter =
            [.. PickleImage.Ascii("ctorch._utils\n_rebuild_parameter\n("), .. PickleImage.Tensor(), .. "\x88"u8[^1..], .. PickleImage.Ascii("ccollections\nOrderedDict\n)RtR")];

        Assert.Equal("w", Assert.Single(Read(Flat(parameter)).Tensors).Name);
    }

    [Fact]
    public void Numbers_and_texts_beside_tensors_are_noted()
    {
        byte[] pickle = PickleImage.Of(PickleImage.Dict(
            (PickleImage.Text("w"), PickleImage.Tensor()), (PickleImage.Text("epoch"), "K\u0003"u8.ToArray()), (PickleImage.Text("note"), PickleImage.Text("x"))));

        WeightsHeader header = Read(pickle);

        Assert.Single(header.Tensors);
        Assert.Equal("Not a tensor and so not read: 'epoch', 'note'.", Assert.Single(header.Notes));
    }

    [Theory]
    [InlineData("state_dict")]
    [InlineData("model")]
    [InlineData("model_state_dict")]
    [InlineData("module")]
    [InlineData("state")]
    [InlineData("model_dict")]
    [InlineData("ema_state_dict")]
    [InlineData("policy")]
    [InlineData("generator")]
    [InlineData("teacher")]
    public void A_state_dict_under_a_usual_key_is_taken(string key)
    {
        WeightsHeader header = Read(PickleImage.Of(PickleImage.Dict((PickleImage.Text(key), Inner()))));

        Assert.Equal("w", Assert.Single(header.Tensors).Name);
        Assert.Equal($"The checkpoint is what the file holds under '{key}'.", Assert.Single(header.Notes));
    }

    [Theory]
    [InlineData("layer1", "layer2")]
    [InlineData("layer1", null)]
    [InlineData("model", "state_dict")]
    [InlineData("generator", "teacher")]
    [InlineData("policy", "ema")]
    public void Where_it_is_not_clear_which_tensors_are_meant_none_are_taken(string first, string? second)
    {
        (byte[], byte[])[] items = second is null
            ? [(PickleImage.Text(first), Inner())]
            : [(PickleImage.Text(first), Inner()), (PickleImage.Text(second), Inner())];

        TensorFileException refusal = Refusal(PickleImage.Of(PickleImage.Dict(items)));

        Assert.Equal("EXPO1062", refusal.Code);
        Assert.Contains($"'{first}'", refusal.Found, StringComparison.Ordinal);
    }

    [Fact]
    public void Tensors_nested_beside_tensors_are_refused()
    {
        TensorFileException refusal = Refusal(PickleImage.Of(PickleImage.Dict(
            (PickleImage.Text("w"), PickleImage.Tensor()), (PickleImage.Text("more"), Inner()))));

        Assert.Equal("EXPO1062", refusal.Code);
        Assert.Contains("'more'", refusal.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("}", "a dict without tensors")]
    [InlineData("]", "a list")]
    [InlineData("N", "None")]
    [InlineData("K\u0001", "a number")]
    public void A_file_without_tensors_is_refused(string code, string found)
    {
        TensorFileException refusal = Refusal(PickleImage.Of(PickleImage.Ascii(code)));

        Assert.Equal("EXPO1061", refusal.Code);
        Assert.Equal(found, refusal.Found);
    }

    [Fact]
    public void A_lone_tensor_is_refused()
    {
        Assert.Equal("EXPO1061", Refusal(PickleImage.Of(PickleImage.Tensor())).Code);
    }

    [Fact]
    public void A_name_that_is_no_text_is_refused()
    {
        Assert.Equal("EXPO1063", Refusal(PickleImage.Of(PickleImage.Dict(("K\u0001"u8.ToArray(), PickleImage.Tensor())))).Code);
        Assert.Equal("EXPO1063", Refusal(PickleImage.Of(PickleImage.Dict((PickleImage.Text(""), PickleImage.Tensor())))).Code);
    }

    [Fact]
    public void Two_tensors_of_one_name_are_refused()
    {
        TensorFileException refusal = Refusal(PickleImage.Of(PickleImage.Dict(
            (PickleImage.Text("w"), PickleImage.Tensor()), (PickleImage.Text("w"), PickleImage.Tensor()))));

        Assert.Equal(("EXPO1064", "w"), (refusal.Code, refusal.Tensor));
    }

    [Fact]
    public void A_storage_that_is_not_there_is_refused()
    {
        TensorFileException refusal = Refusal(Flat(PickleImage.Tensor(key: "7")));

        Assert.Equal(("EXPO1065", "w", "data/7"), (refusal.Code, refusal.Tensor, refusal.Expected));
    }

    [Theory]
    [InlineData("../0")]
    [InlineData("../data.pkl")]
    [InlineData("")]
    public void A_key_that_leads_elsewhere_finds_nothing(string key)
    {
        Assert.Equal("EXPO1065", Refusal(Flat(PickleImage.Tensor(key: key))).Code);
    }

    [Theory]
    [InlineData("FloatStorage", 4)]
    [InlineData("FloatStorage", 2)]
    [InlineData("DoubleStorage", 3)]
    public void A_storage_of_another_size_is_refused(string storageClass, int elements)
    {
        Assert.Equal("EXPO1066", Refusal(Flat(PickleImage.Tensor(storageClass: storageClass, elements: elements))).Code);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(1, 3)]
    [InlineData(4, 0)]
    [InlineData(200, 1)]
    public void A_tensor_beyond_its_storage_is_refused(byte first, byte extent)
    {
        TensorFileException refusal = Refusal(Flat(PickleImage.Tensor(first: first, shape: [extent])));

        Assert.Equal(("EXPO1067", "w"), (refusal.Code, refusal.Tensor));
    }

    [Fact]
    public void A_size_that_overflows_is_refused()
    {
        byte[] large = [0x8A, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
        byte[] pickle = PickleImage.Of(PickleImage.Dict((PickleImage.Text("w"),
            [
                .. PickleImage.Ascii("ctorch._utils\n_rebuild_tensor_v2\n(("), .. PickleImage.Text("storage"), .. PickleImage.Ascii("ctorch\nFloatStorage\n"),
                .. PickleImage.Text("0"), .. PickleImage.Text("cpu"), .. "K\u0003tQK\0"u8, (byte)'(', .. large, .. large, .. "t(K\u0001K\u0001t"u8, 0x89,
                .. PickleImage.Ascii("ccollections\nOrderedDict\n)RtR"),
            ])));

        Assert.Equal("EXPO1024", Refusal(pickle).Code);
    }

    [Theory]
    [InlineData(new byte[] { 3, 1 }, new byte[] { 1, 3 })]
    [InlineData(new byte[] { 1, 3 }, new byte[] { 99, 1 })]
    [InlineData(new byte[] { 1, 1, 3 }, new byte[] { 7, 9, 1 })]
    [InlineData(new byte[] { 0, 5 }, new byte[] { 77, 3 })]
    [InlineData(new byte[] { }, new byte[] { })]
    public void Strides_that_nobody_walks_do_not_matter(byte[] shape, byte[] strides)
    {
        Assert.Single(Read(Flat(PickleImage.Tensor(shape: shape, strides: strides))).Tensors);
    }

    [Theory]
    [InlineData(new byte[] { 2, 1 }, new byte[] { 2, 1 })]
    [InlineData(new byte[] { 2, 2 }, new byte[] { 1, 1 })]
    [InlineData(new byte[] { 2 }, new byte[] { 2 })]
    [InlineData(new byte[] { 3 }, new byte[] { 0 })]
    public void A_tensor_with_gaps_or_in_another_order_says_how_its_elements_lie(byte[] shape, byte[] strides)
    {
        WeightsTensor tensor = Assert.Single(Read(Flat(PickleImage.Tensor(shape: shape, strides: strides))).Tensors);

        Assert.Equal(strides.Select(stride => (long)stride), tensor.Strides.AsEnumerable());
        Assert.Equal(shape.Aggregate(4L, (count, extent) => count * extent), tensor.ByteCount);
    }

    [Theory]
    [InlineData(new byte[] { 3, 1 }, new byte[] { 2, 1 })]
    [InlineData(new byte[] { 2, 2 }, new byte[] { 1, 2 })]
    public void A_view_that_reaches_beyond_its_storage_is_refused(byte[] shape, byte[] strides) =>
        Assert.Equal("EXPO1067", Refusal(Flat(PickleImage.Tensor(shape: shape, strides: strides))).Code);

    [Theory]
    [InlineData("QInt8Storage", "qint8")]
    [InlineData("ComplexDoubleStorage", "complex128")]
    public void A_dtype_that_safetensors_has_not_is_refused_by_its_name_and_is_no_danger(string storageClass, string dtype)
    {
        TensorFileException refusal = Refusal(Flat(PickleImage.Tensor(storageClass: storageClass)));

        Assert.Equal(("EXPO1069", "w", dtype), (refusal.Code, refusal.Tensor, refusal.Found));
        Assert.DoesNotContain("trust", refusal.Advice, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("_rebuild_sparse_tensor", "sparse")]
    [InlineData("_rebuild_qtensor", "quantised")]
    [InlineData("_rebuild_meta_tensor_no_storage", "without values")]
    public void A_kind_of_tensor_that_is_not_read_is_refused_by_its_name_and_is_no_danger(string function, string kind)
    {
        TensorFileException refusal = Refusal(Flat([.. PickleImage.Ascii($"ctorch._utils\n{function}\n)R")]));

        Assert.Equal("EXPO1070", refusal.Code);
        Assert.Contains(kind, refusal.Found, StringComparison.Ordinal);
        Assert.DoesNotContain("trust", refusal.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void What_could_run_code_is_still_told_to_be_a_danger() =>
        Assert.Contains("do not trust", Refusal(Flat([.. PickleImage.Ascii("cos\nsystem\n)R")])).Advice, StringComparison.Ordinal);

    [Theory]
    [InlineData("float8_e4m3fn", Dtype.F8E4M3, 1)]
    [InlineData("float8_e5m2", Dtype.F8E5M2, 1)]
    [InlineData("float8_e8m0fnu", Dtype.F8E8M0, 1)]
    [InlineData("uint16", Dtype.U16, 2)]
    [InlineData("uint32", Dtype.U32, 4)]
    [InlineData("bfloat16", Dtype.BF16, 2)]
    public void A_tensor_of_a_storage_of_bytes_has_the_dtype_that_stands_beside_it(string name, Dtype dtype, int width)
    {
        WeightsTensor tensor = Assert.Single(Read(Flat(Untyped(name, bytes: 12, shape: 12 / width))).Tensors);

        Assert.Equal((dtype, 12L), (tensor.Dtype, tensor.ByteCount));
    }

    [Fact]
    public void A_storage_of_bytes_has_the_length_that_it_says() => Assert.Equal("EXPO1066", Refusal(Flat(Untyped("uint16", bytes: 6, shape: 3))).Code);

    [Fact]
    public void A_dtype_without_a_counterpart_is_refused_in_a_storage_of_bytes_too() =>
        Assert.Equal(("EXPO1069", "complex32"), (Refusal(Flat(Untyped("complex32", bytes: 12, shape: 3))).Code, Refusal(Flat(Untyped("complex32", bytes: 12, shape: 3))).Found));

    [Fact]
    public void A_file_of_the_reference_code_of_DPO_is_read()
    {
        byte[] pickle = PickleImage.Of(PickleImage.Dict(
            (PickleImage.Text("step_idx"), "K\u0003"u8.ToArray()), (PickleImage.Text("state"), Inner()), (PickleImage.Text("metrics"), PickleImage.Ascii("}"))));

        WeightsHeader header = Read(pickle);

        Assert.Equal("w", Assert.Single(header.Tensors).Name);
        Assert.Contains("under 'state'; 'step_idx', 'metrics' beside it are not read", Assert.Single(header.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Wrappers_in_wrappers_are_opened()
    {
        byte[] pickle = PickleImage.Of(PickleImage.Dict((PickleImage.Text("state"), PickleImage.Dict((PickleImage.Text("model"), Inner())))));

        Assert.Contains("'state.model'", Assert.Single(Read(pickle).Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void The_plain_model_is_taken_before_its_average_and_the_note_says_how_to_choose_the_other()
    {
        byte[] pickle = PickleImage.Of(PickleImage.Dict(
            (PickleImage.Text("model"), Inner()), (PickleImage.Text("ema"), PickleImage.Dict((PickleImage.Text("e"), PickleImage.Tensor())))));

        Assert.Equal("w", Assert.Single(Read(pickle).Tensors).Name);
        Assert.Contains("FILE#KEY chooses another: 'ema'.", Assert.Single(Read(pickle).Notes), StringComparison.Ordinal);
        using var source = new MemorySource(File(pickle));
        Assert.Equal("e", Assert.Single(WeightsHeader.ReadFrom(source, "ema").Tensors).Name);
    }

    [Fact]
    public void A_key_chooses_any_dictionary_and_one_that_is_not_there_is_told_the_others()
    {
        byte[] pickle = PickleImage.Of(PickleImage.Dict((PickleImage.Text("layer1"), Inner()), (PickleImage.Text("x"), PickleImage.Dict((PickleImage.Text("y"), Inner())))));
        using var source = new MemorySource(File(pickle));

        Assert.Equal("w", Assert.Single(WeightsHeader.ReadFrom(source, "x.y").Tensors).Name);
        TensorFileException refusal = Assert.Throws<TensorFileException>(() => WeightsHeader.ReadFrom(source, "z"));
        Assert.Equal(("EXPO1071", "'layer1', 'x.y'"), (refusal.Code, refusal.Found));
    }

    // torch._utils._rebuild_tensor_v3, as PyTorch writes dtypes that have no storage class.
    private static byte[] Untyped(string dtype, int bytes, int shape) =>
    [
        .. PickleImage.Ascii("ctorch._utils\n_rebuild_tensor_v3\n(("), .. PickleImage.Text("storage"), .. PickleImage.Ascii("ctorch.storage\nUntypedStorage\n"),
        .. PickleImage.Text("0"), .. PickleImage.Text("cpu"), (byte)'J', .. BitConverter.GetBytes(bytes), .. "tQK\0"u8,
        .. "(K"u8, (byte)shape, .. "t(K\u0001t"u8, 0x89, .. PickleImage.Ascii($"ccollections\nOrderedDict\n)Rctorch\n{dtype}\ntR"),
    ];

    private static byte[] Inner() => PickleImage.Dict((PickleImage.Text("w"), PickleImage.Tensor()));

    private static byte[] Flat(byte[] value) => PickleImage.Of(PickleImage.Dict((PickleImage.Text("w"), value)));

    private static byte[] File(byte[] pickle) => ArchiveImage.WithPickle(pickle, ("model/data/0", new byte[12]));

    private static WeightsHeader Read(byte[] pickle) => MemorySource.Read(File(pickle));

    private static TensorFileException Refusal(byte[] pickle) => MemorySource.Refusal(File(pickle));
}
