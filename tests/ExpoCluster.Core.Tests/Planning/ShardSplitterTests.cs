using ExpoCluster.Core.Planning;

namespace ExpoCluster.Core.Tests.Planning;

public sealed class ShardSplitterTests
{
    [Theory]
    [InlineData(new long[] { 3, 4, 3 }, 7, new[] { 2, 1 })]
    [InlineData(new long[] { 3, 5, 3 }, 7, new[] { 1, 1, 1 })]
    [InlineData(new long[] { 9, 1, 1 }, 7, new[] { 1, 2 })]
    [InlineData(new long[] { 1, 9, 1 }, 7, new[] { 1, 2 })]
    [InlineData(new long[] { 7 }, 7, new[] { 1 })]
    public void A_new_file_begins_when_the_next_tensor_would_not_fit(long[] bytes, long limit, int[] counts) =>
        Assert.Equal(counts, ShardSplitter.Split(bytes, limit).Select(file => file.Length));

    [Fact]
    public void A_tensor_beyond_the_limit_goes_alone_and_the_file_begun_before_it_goes_on() =>
        Assert.Equal(["1", "3", "0 2 4", "5"], ShardSplitter.Split([1, 9, 1, 9, 5, 1], 7).Select(file => string.Join(' ', file)));

    [Fact]
    public void Without_tensors_there_is_no_file() => Assert.Empty(ShardSplitter.Split([], 7));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_limit_is_positive(long limit) => Assert.Throws<ArgumentOutOfRangeException>(() => ShardSplitter.Split([1], limit));

    [Theory]
    [InlineData(0, 1, "model.safetensors")]
    [InlineData(0, 3, "model-00001-of-00003.safetensors")]
    [InlineData(162, 163, "model-00163-of-00163.safetensors")]
    public void Files_are_named_as_on_the_Hub(int index, int count, string name) => Assert.Equal(name, ShardSplitter.FileName(index, count));

    [Fact]
    public void Numbers_are_compared_as_numbers_embeddings_come_first_and_the_head_last()
    {
        string[] names = ["lm_head.weight", "model.norm.weight", "model.layers.10.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight", "model.embed_tokens.weight"];

        Assert.Equal(
            ["model.embed_tokens.weight", "model.layers.2.mlp.up_proj.weight", "model.layers.10.mlp.up_proj.weight", "model.norm.weight", "lm_head.weight"],
            names.Order(ShardSplitter.NaturalOrder));
    }

    [Theory]
    [InlineData("model.tok_embeddings.weight model.layers.2.attention.wqkv.weight model.layers.10.attention.wo.weight model.norm.weight output.weight")]
    [InlineData("transformer.wte.weight transformer.h.9.ln_1.weight transformer.h.11.ln_1.weight transformer.ln_f.weight lm_head.weight")]
    [InlineData("model.layers.2.norm.weight model.layers.2.output.weight model.norm.weight")]
    [InlineData("experts.9.w1 experts.10.w1 experts.10.w2 experts.010.w3")]
    [InlineData("a a.01 a.1 a.2 b")]
    [InlineData("layers.99999999999999999998.w layers.99999999999999999999.w layers.100000000000000000000.w")]
    public void Names_in_this_order_are_brought_back_to_it_from_any_other(string sorted)
    {
        string[] names = sorted.Split(' ');
        var random = new Random(3);
        for (int time = 0; time < 50; time++)
        {
            string[] shuffled = [.. names];
            random.Shuffle(shuffled);

            Assert.Equal(names, shuffled.Order(ShardSplitter.NaturalOrder));
        }
    }

    // Hidden, layers, intermediate, key-value width, vocabulary: reference sizes as published on the Hub, in units of 10 MB.
    [Theory]
    [InlineData(4096, 32, 14336, 1024, 32000, new[] { 494, 500, 454 })]
    [InlineData(4096, 32, 14336, 1024, 128256, new[] { 498, 500, 492, 117 })]
    [InlineData(4096, 32, 11008, 4096, 32000, new[] { 494, 495, 359 })]
    public void The_published_file_sizes_come_out(int hidden, int layers, int intermediate, int keyValue, int vocabulary, int[] tensOfMegabytes)
    {
        // In the order of the state dict, in which the files were split when they were published.
        var tensors = new List<(string Name, long Bytes)>();
        void Add(string name, long elements) => tensors.Add((name, 2 * elements));
        Add("model.embed_tokens.weight", (long)vocabulary * hidden);
        for (int layer = 0; layer < layers; layer++)
        {
            string prefix = $"model.layers.{layer}.";
            Add(prefix + "self_attn.q_proj.weight", (long)hidden * hidden);
            Add(prefix + "self_attn.k_proj.weight", (long)hidden * keyValue);
            Add(prefix + "self_attn.v_proj.weight", (long)hidden * keyValue);
            Add(prefix + "self_attn.o_proj.weight", (long)hidden * hidden);
            Add(prefix + "mlp.gate_proj.weight", (long)hidden * intermediate);
            Add(prefix + "mlp.up_proj.weight", (long)hidden * intermediate);
            Add(prefix + "mlp.down_proj.weight", (long)hidden * intermediate);
            Add(prefix + "input_layernorm.weight", hidden);
            Add(prefix + "post_attention_layernorm.weight", hidden);
        }

        Add("model.norm.weight", hidden);
        Add("lm_head.weight", (long)vocabulary * hidden);
        var published = ShardSplitter.Split([.. tensors.Select(tensor => tensor.Bytes)], 5_000_000_000);
        Assert.Equal(tensOfMegabytes, published.Select(file => (int)Math.Round(file.Sum(index => tensors[index].Bytes) / 1e7)));

        // From those files, whose headers are sorted: file by file, and in each in natural order.
        (string Name, long Bytes)[] ordered =
            [.. published.SelectMany(file => file.Select(index => tensors[index]).OrderBy(tensor => tensor.Name, ShardSplitter.NaturalOrder))];
        var again = ShardSplitter.Split([.. ordered.Select(tensor => tensor.Bytes)], 5_000_000_000);
        Assert.Equal(tensOfMegabytes, again.Select(file => (int)Math.Round(file.Sum(index => ordered[index].Bytes) / 1e7)));
    }
}
