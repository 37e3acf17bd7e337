using System.Collections.Immutable;
using System.Globalization;
using ExpoCluster.Tensors.Dtypes;

namespace ExpoCluster.Core.Samples;

/// <summary>The true sizes of a published model, and the tensors that follow from them.</summary>
/// <param name="Name">As people say it.</param>
/// <param name="ModelType">As <c>config.json</c> says it: llama, mistral or internlm2.</param>
/// <param name="Hidden">The width of the residual stream.</param>
/// <param name="Layers">Transformer blocks.</param>
/// <param name="Intermediate">The width of the feed-forward part.</param>
/// <param name="Heads">Query heads, which share <paramref name="Hidden"/>.</param>
/// <param name="KeyValueHeads">Fewer than <paramref name="Heads"/> where queries are grouped.</param>
/// <param name="Vocabulary">Rows of the embedding.</param>
public sealed record ModelFamily(
    string Name, string ModelType, long Hidden, int Layers, long Intermediate, int Heads, int KeyValueHeads, long Vocabulary)
{
    private const int Granule = 8;

    public static ModelFamily Mistral7B { get; } = new("Mistral-7B", "mistral", 4096, 32, 14_336, 32, 8, 32_000);

    /// <summary>With two tokens more, for the turns of a chat.</summary>
    public static ModelFamily OpenChat7B { get; } = Mistral7B with { Name = "Mistral-7B openchat", Vocabulary = 32_002 };

    public static ModelFamily Llama3Of8B { get; } = new("Llama-3-8B", "llama", 4096, 32, 14_336, 32, 8, 128_256);

    public static ModelFamily InternLM2Of1800M { get; } = new("InternLM2-1.8B", "internlm2", 2048, 24, 8192, 16, 8, 92_544);

    public static ModelFamily InternLM2Of7B { get; } = new("InternLM2-7B", "internlm2", 4096, 32, 14_336, 32, 8, 92_544);

    public static ModelFamily InternLM2Of20B { get; } = new("InternLM2-20B", "internlm2", 6144, 48, 16_384, 48, 8, 92_544);

    public static ModelFamily Llama2Of7B { get; } = new("Llama-2-7B", "llama", 4096, 32, 11_008, 32, 32, 32_000);

    public static ModelFamily Llama2Of13B { get; } = new("Llama-2-13B", "llama", 5120, 40, 13_824, 40, 40, 32_000);

    public static ModelFamily Llama2Of70B { get; } = new("Llama-2-70B", "llama", 8192, 80, 28_672, 64, 8, 32_000);

    private long KeyValueWidth => Hidden / Heads * KeyValueHeads;

    /// <summary>The same heads, layers and names at a fraction of the widths.</summary>
    public ModelFamily Scaled(double scale) => scale == 1 ? this : this with
    {
        Hidden = Multiple(Hidden * scale, 2 * Heads),
        Intermediate = Multiple(Intermediate * scale, Granule),
        Vocabulary = Multiple(Vocabulary * scale, Granule),
    };

    /// <summary>All BF16 but for the buffers, in the order in which PyTorch lists them.</summary>
    /// <param name="hasRotaryBuffers">With the F32 frequencies that older versions saved with each layer.</param>
    public ImmutableArray<SampleTensor> Tensors(bool hasRotaryBuffers)
    {
        bool isInternLM = ModelType == "internlm2";
        return
        [
            Weight(isInternLM ? "model.tok_embeddings" : "model.embed_tokens", Vocabulary, Hidden),
            .. Enumerable.Range(0, Layers).SelectMany(layer => isInternLM ? InternLMLayer(layer) : LlamaLayer(layer, hasRotaryBuffers)),
            Weight("model.norm", Hidden),
            Weight(isInternLM ? "output" : "lm_head", Vocabulary, Hidden),
        ];
    }

    private IEnumerable<SampleTensor> LlamaLayer(int layer, bool hasRotaryBuffers)
    {
        string prefix = string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.");
        yield return Weight(prefix + "self_attn.q_proj", Hidden, Hidden);
        yield return Weight(prefix + "self_attn.k_proj", KeyValueWidth, Hidden);
        yield return Weight(prefix + "self_attn.v_proj", KeyValueWidth, Hidden);
        yield return Weight(prefix + "self_attn.o_proj", Hidden, Hidden);
        if (hasRotaryBuffers)
        {
            yield return new SampleTensor(prefix + "self_attn.rotary_emb.inv_freq", Dtype.F32, [Hidden / Heads / 2]);
        }

        yield return Weight(prefix + "mlp.gate_proj", Intermediate, Hidden);
        yield return Weight(prefix + "mlp.up_proj", Intermediate, Hidden);
        yield return Weight(prefix + "mlp.down_proj", Hidden, Intermediate);
        yield return Weight(prefix + "input_layernorm", Hidden);
        yield return Weight(prefix + "post_attention_layernorm", Hidden);
    }

    private IEnumerable<SampleTensor> InternLMLayer(int layer)
    {
        string prefix = string.Create(CultureInfo.InvariantCulture, $"model.layers.{layer}.");
        yield return Weight(prefix + "attention.wqkv", Hidden + (2 * KeyValueWidth), Hidden);
        yield return Weight(prefix + "attention.wo", Hidden, Hidden);
        yield return Weight(prefix + "feed_forward.w1", Intermediate, Hidden);
        yield return Weight(prefix + "feed_forward.w3", Intermediate, Hidden);
        yield return Weight(prefix + "feed_forward.w2", Hidden, Intermediate);
        yield return Weight(prefix + "attention_norm", Hidden);
        yield return Weight(prefix + "ffn_norm", Hidden);
    }

    private static SampleTensor Weight(string name, params long[] shape) => new(name + ".weight", Dtype.BF16, [.. shape]);

    private static long Multiple(double size, long granule) => Math.Max(1, (long)Math.Round(size / granule)) * granule;
}
