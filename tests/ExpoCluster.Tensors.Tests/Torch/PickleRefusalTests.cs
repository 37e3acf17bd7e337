using System.Diagnostics;

namespace ExpoCluster.Tensors.Tests.Torch;

/// <summary>What a hostile pickle asks for is refused by name, in bounded time and memory.</summary>
public sealed class PickleRefusalTests
{
    public static TheoryData<string, string, string> Attacks => new()
    {
        { "cos\nsystem\n(X\u0004\0\0\0truetR", "EXPO1057", "os.system" },
        { "cposix\nsystem\n(X\u0004\0\0\0truetR", "EXPO1057", "posix.system" },
        { "cbuiltins\neval\n(X\u0001\0\0\01tR", "EXPO1057", "builtins.eval" },
        { "c__builtin__\nexec\n", "EXPO1057", "__builtin__.exec" },
        { "cnt\nsystem\n", "EXPO1057", "nt.system" },
        { "csubprocess\nPopen\n)\u0081", "EXPO1057", "subprocess.Popen" },
        { "cruntime\n_run_code\n", "EXPO1057", "runtime._run_code" },
        { "ctorch\nload\n", "EXPO1057", "torch.load" },
        { "ctorch.hub\nload\n", "EXPO1057", "torch.hub.load" },
        { "ctorch._utils\n_rebuild_tensor_v9\n", "EXPO1057", "torch._utils._rebuild_tensor_v9" },
        { "ctorch\nFloatStorage.from_file\n", "EXPO1057", "torch.FloatStorage.from_file" },
        { "ccollections\nOrderedDict.__init__\n", "EXPO1057", "collections.OrderedDict.__init__" },
        { "ctransformers.training_args\nTrainingArguments\n)\u0081", "EXPO1057", "transformers.training_args.TrainingArguments" },
        { "X\u0002\0\0\0osX\u0006\0\0\0system\u0093X\u0004\0\0\0true\u0085R", "EXPO1057", "os.system" },
        { "(X\u0004\0\0\0trueios\nsystem\n", "EXPO1056", "INST" },
        { "(ccollections\nOrderedDict\no", "EXPO1056", "OBJ" },
        { "ccollections\nOrderedDict\n)\u0081", "EXPO1056", "NEWOBJ" },
        { "ccollections\nOrderedDict\n)}\u0092", "EXPO1056", "NEWOBJ_EX" },
        { "ccollections\nOrderedDict\n}b", "EXPO1056", "BUILD of collections.OrderedDict" },
        { "}}b", "EXPO1056", "BUILD of a dict" },
        { "]}b", "EXPO1056", "BUILD of a list" },
        { "ccollections\nOrderedDict\n)R]b", "EXPO1056", "BUILD of a dict" },
        { "ctorch\nFloatStorage\n)R", "EXPO1056", "REDUCE of torch.FloatStorage" },
        { "\u0082\u0001", "EXPO1056", "EXT1" },
        { "P0\n", "EXPO1056", "PERSID" },
        { "I1\n", "EXPO1056", "INT" },
        { "S'a'\n", "EXPO1056", "STRING" },
        { "K\u00012", "EXPO1056", "DUP" },
        { "\u0096", "EXPO1056", "BYTEARRAY8" },
        { "\u00ff", "EXPO1056", "0xff, which is none" },
        { "z", "EXPO1056", "0x7a, which is none" },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void What_is_not_allowed_is_refused_by_its_name(string code, string expectedCode, string found)
    {
        TensorFileException refusal = Refusal(PickleImage.Of(System.Text.Encoding.Latin1.GetBytes(code)));

        Assert.Equal(expectedCode, refusal.Code);
        Assert.Equal(found, refusal.Found);
    }

    [Theory]
    [InlineData("R")]
    [InlineData("t")]
    [InlineData("u")]
    [InlineData("s")]
    [InlineData("a")]
    [InlineData("Q")]
    [InlineData("b")]
    [InlineData("q\0")]
    [InlineData("h\0")]
    [InlineData("j\u0001\0\0\0")]
    [InlineData("}q\u0001")]
    [InlineData("}r\u00ff\u00ff\u00ff\u00ff")]
    [InlineData("}}")]
    [InlineData("")]
    [InlineData("(")]
    [InlineData("}K\u0001")]
    [InlineData("}(K\u0001u")]
    [InlineData("}K\u0001a")]
    [InlineData("K\u0001K\u0002K\u0003s")]
    [InlineData("}(K\u0001s")]
    [InlineData("X\u0001\0\0\0\u00ff")]
    [InlineData("ccollections\nOrderedDict\nK\u0001R")]
    [InlineData("ccollections\nOrderedDict\n]\u0085R")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2\n)R")]
    [InlineData("ctorch._utils\n_rebuild_parameter\n)R")]
    [InlineData(")Q")]
    public void A_pickle_that_PyTorch_does_not_write_is_refused(string code)
    {
        Assert.Equal("EXPO1058", Refusal(PickleImage.Of(System.Text.Encoding.Latin1.GetBytes(code))).Code);
    }

    [Theory]
    [InlineData("(dp0\n.")]
    [InlineData("\u0080\u0001}.")]
    [InlineData("\u0080\u0006}.")]
    [InlineData("\u0080\u0002}.}")]
    public void Another_protocol_and_bytes_behind_the_end_are_refused(string pickle)
    {
        Assert.Equal("EXPO1058", Refusal(System.Text.Encoding.Latin1.GetBytes(pickle)).Code);
    }

    [Theory]
    [InlineData("X\u00ff\u00ff\u00ff\u007f")]
    [InlineData("X\u00ff\u00ff\u00ff\u00ff")]
    [InlineData("\u008d\0\0\0\0\u0001\0\0\0")]
    [InlineData("\u008d\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff")]
    [InlineData("\u0095\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f")]
    [InlineData("\u008a\u00ff")]
    public void A_text_longer_than_the_pickle_costs_no_memory(string code)
    {
        byte[] file = ArchiveImage.WithPickle(PickleImage.Of(System.Text.Encoding.Latin1.GetBytes(code)));
        MemorySource.Refusal(file);

        long before = GC.GetAllocatedBytesForCurrentThread();
        TensorFileException refusal = MemorySource.Refusal(file);

        Assert.Equal("EXPO1055", refusal.Code);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 400_000);
    }

    public static TheoryData<string, string, string> Nestings => new()
    {
        { "(", "", "" },
        { "", ")", "\u0085" },
        { "]", "]", "a" },
        { "}K\0", "N", "s" },
        { "]q\0", "h\0", "a" },
        { "(", "N", "t" },
    };

    [Theory]
    [MemberData(nameof(Nestings))]
    public void A_million_levels_of_nesting_are_refused_at_once(string open, string inside, string close)
    {
        const int levels = 1_000_000;
        byte[] code = [.. Repeat(open, levels), .. System.Text.Encoding.Latin1.GetBytes(inside), .. Repeat(close, levels)];
        byte[] file = ArchiveImage.WithPickle(PickleImage.Of(code));
        var watch = Stopwatch.StartNew();

        TensorFileException refusal = MemorySource.Refusal(file);

        // A million containers that wait on the stack to be filled are too many already.
        Assert.Contains(refusal.Code, new[] { "EXPO1059", "EXPO1060" });
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 30);
    }

    [Theory]
    [InlineData("N0", "EXPO1056")]
    [InlineData("]", "EXPO1060")]
    [InlineData(")", "EXPO1060")]
    [InlineData("N\u0085q\0", "EXPO1060")]
    public void A_pickle_of_millions_of_values_is_refused_in_bounded_memory(string code, string expected)
    {
        byte[] file = ArchiveImage.WithPickle(PickleImage.Of(Repeat(code, 8_000_000)));
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(expected, MemorySource.Refusal(file).Code);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 512_000_000);
    }

    [Fact]
    public void A_pickle_of_more_than_the_cap_is_refused_unread()
    {
        byte[] file = ArchiveImage.WithPickle(new byte[(32 << 20) + 1]);
        using var source = new MemorySource(file);

        Assert.Equal("EXPO1054", Assert.Throws<TensorFileException>(() => WeightsHeader.ReadFrom(source)).Code);
        Assert.InRange(source.BytesRead, 0, 200_000);
    }

    [Fact]
    public void Lists_that_share_their_parts_do_not_grow_when_searched()
    {
        // Each of a hundred levels holds the one below twice: 2^100 paths, 101 values.
        byte[] levels = [.. "]q\0"u8, .. Enumerable.Range(1, 100).SelectMany(i => new byte[] { (byte)']', (byte)'q', (byte)i, (byte)'(', (byte)'h', (byte)(i - 1), (byte)'h', (byte)(i - 1), (byte)'e' })];
        byte[] pickle = PickleImage.Of("}q\0"u8.ToArray(), PickleImage.Text("x"), [(byte)'(', .. levels, (byte)'t', (byte)'s']);

        Assert.Equal("EXPO1061", Refusal(pickle).Code);
    }

    [Fact]
    public void A_dict_that_holds_itself_is_searched_once()
    {
        byte[] pickle = PickleImage.Of("}q\0"u8.ToArray(), PickleImage.Text("x"), "h\0s"u8.ToArray());

        Assert.Equal("EXPO1061", Refusal(pickle).Code);
    }

    [Fact]
    public void A_refusal_names_the_place_in_the_file()
    {
        byte[] file = ArchiveImage.WithPickle(PickleImage.Of(PickleImage.Ascii("}cos\nsystem\n")));

        TensorFileException refusal = MemorySource.Refusal(file);

        Assert.Equal("cos\nsystem\n"u8.ToArray(), file.AsSpan((int)refusal.Offset!, 11).ToArray());
    }

    private static byte[] Repeat(string code, int count)
    {
        byte[] one = System.Text.Encoding.Latin1.GetBytes(code);
        byte[] all = new byte[one.Length * count];
        for (int i = 0; i < count; i++)
        {
            one.CopyTo(all, i * one.Length);
        }

        return all;
    }

    private static TensorFileException Refusal(byte[] pickle) =>
        MemorySource.Refusal(ArchiveImage.WithPickle(pickle, ("model/data/0", new byte[12])));
}
