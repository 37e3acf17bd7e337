using System.Collections.Immutable;
using System.Text.Json;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Embeddings and output heads of a checkpoint, and whether its configuration says that they are one.</summary>
public sealed class TiedHeads
{
    internal const string Key = "tie_word_embeddings";

    /// <summary>Other words for it, of Mamba, OLMo, LFM2 and Megatron.</summary>
    internal static readonly string[] OtherKeys = ["tie_embeddings", "tie_embedding", "weight_tying", "share_embeddings_and_output_weights"];

    private static readonly string[] EmbeddingOwners = ["embed_tokens", "tok_embeddings", "word_embeddings", "word_embedding", "embed_in", "wte", "shared", "tokens_embed", "token_embedding"];

    // Words of Mamba, CTRL and XLM, by which others mean positions, patches or a layer's own.
    private static readonly string[] WholeEmbeddings = ["backbone.embeddings.weight", "backbone.embedding.weight", "transformer.w.weight", "transformer.embeddings.weight"];

    // A head of this name means something else unless the configuration says that it is tied. BERT's kin have a decoder below their head.
    private static readonly string[] HeadsWhereTied =
        ["embed_out.weight", "proj_out.weight", "predictions.decoder.weight", "lm_head.decoder.weight", "vocab_projector.weight", "generator_lm_head.weight",
        "lm_head.out_proj.weight", "pred_layer.proj.weight", "lm_loss.weight", "output_projection.weight", "ff_out.weight"];

    // Of ModernBERT; deeper in a model that is a layer's word.
    private const string WholeHead = "decoder.weight";

    // Of BERT's kin: one tensor, stored under one of its names or both.
    private static readonly (string One, string Other)[] Biases =
        [("predictions.decoder.bias", "predictions.bias"), ("lm_head.decoder.bias", "lm_head.bias")];

    // What encoder and decoder read, whether or not the head is tied.
    private static readonly string[] ReadersOfShared = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];

    private static readonly string[] Places = ["", .. ConfigFacts.LanguageModels.Select(model => model + "."), "decoder.", "thinker_config.text_config."];

    // Their configurations leave the key out where it is true, for that is their default (transformers' classes of configurations).
    private static readonly HashSet<string> TiedByDefault = new(StringComparer.Ordinal)
    {
        "t5", "longt5", "umt5", "switch_transformers", "whisper", "speech_to_text", "gpt2", "openai-gpt", "gpt_neo", "gpt_bigcode", "opt", "bloom", "mpt", "falcon", "xglm", "biogpt",
        "bart", "mbart", "marian", "pegasus", "blenderbot", "m2m_100", "led", "gemma", "gemma2", "gemma3", "gemma3_text", "gemma3n", "gemma3n_text", "recurrent_gemma",
        "cohere", "cohere2", "starcoder2", "smollm3", "mamba", "falcon_mamba", "zamba2", "bert", "roberta", "distilbert", "electra", "albert", "xlm-roberta", "camembert",
        "deberta", "deberta-v2", "mobilebert", "esm", "mpnet", "modernbert",
    };

    private readonly ConfigFacts config;

    private readonly IReadOnlyDictionary<string, CheckpointTensor> tensors;

    // Looked for once: another checkpoint may have any number of heads.
    private readonly Lazy<(CheckpointTensor[] Heads, CheckpointTensor[] Embeddings)> stored;

    /// <param name="tensors">Every tensor by name.</param>
    /// <param name="config">Of the checkpoint.</param>
    public TiedHeads(IReadOnlyDictionary<string, CheckpointTensor> tensors, ConfigFacts config)
    {
        this.tensors = tensors;
        this.config = config;
        IsTied = Places.Select(place => Said(place + Key)).FirstOrDefault(said => said is not null)
            ?? config.Named(Key).Select(entry => Said(entry.Key)).FirstOrDefault(said => said is not null)
            ?? OtherKeys.SelectMany(config.Named).Select(entry => Said(entry.Key)).FirstOrDefault(said => said is not null)
            ?? (IsTiedByDefault ? true : null);
        stored = new(() => (InOrder(tensors, IsHead), InOrder(tensors, IsEmbedding)));
    }

    /// <summary>Whether the configuration says that embedding and head are one; null where it says nothing that is known here.</summary>
    public bool? IsTied { get; }

    /// <summary>The family ties unless its configuration says otherwise.</summary>
    internal bool IsTiedByDefault => config.ModelType is { } type && TiedByDefault.Contains(type);

    /// <summary>Names of embeddings.</summary>
    public ImmutableArray<string> Embeddings => [.. stored.Value.Embeddings.Select(tensor => tensor.Name)];

    /// <summary>Names of output heads.</summary>
    public ImmutableArray<string> Heads => [.. stored.Value.Heads.Select(tensor => tensor.Name)];

    /// <summary>The name is one of an output head, as far as this checkpoint's configuration tells.</summary>
    public bool IsHead(string name) => IsPlainHead(name) || (IsTied == true && IsHeadWhereTied(name));

    /// <summary>The name is one of an output head in some model. Only such a tensor is dropped by a loader that ties it to the embedding.</summary>
    internal static bool MayBeHead(string name) => IsPlainHead(name) || IsHeadWhereTied(name);

    /// <summary>Encoder and decoder read the embedding that they share, whatever the configuration says of the head.</summary>
    internal static bool ReadsShared(string name) => ReadersOfShared.Any(reader => EndsWith(name, reader));

    /// <summary>The name is one of an embedding of tokens.</summary>
    public static bool IsEmbedding(string name) =>
        name.Split('.') is [.., var owner, "weight"] && (EmbeddingOwners.Contains(owner, StringComparer.Ordinal) || WholeEmbeddings.Contains(name, StringComparer.Ordinal));

    /// <summary>The stored tensor that stands for one that is not stored; null where that is unclear.</summary>
    /// <param name="missing">The name of a head or an embedding that the other checkpoint has.</param>
    internal CheckpointTensor? StandingFor(string missing)
    {
        if (SharedFor(missing) is { } shared)
        {
            return shared;
        }

        if (IsTied == false)
        {
            return null;
        }

        if (IsTied == true && BiasFor(missing) is { } bias)
        {
            return bias;
        }

        bool isHead = IsHead(missing);
        if (!isHead && !(IsTied == true && IsEmbedding(missing)))
        {
            return null;
        }

        (CheckpointTensor[] heads, CheckpointTensor[] embeddings) = stored.Value;
        if (isHead)
        {
            return heads.Length > 0 ? null : OneOf(embeddings, missing);
        }

        // Of what is one tensor, any of its names may have been stored.
        return OneOf(embeddings, missing) ?? (embeddings.Length == 0 && heads.Length == 1 ? heads[0] : null);
    }

    // Several are one where the configuration says so: shared, encoder.embed_tokens and decoder.embed_tokens of T5.
    private CheckpointTensor? OneOf(CheckpointTensor[] embeddings, string missing)
    {
        if (embeddings.Length <= 1)
        {
            return embeddings.FirstOrDefault();
        }

        if (IsTied != true)
        {
            return null;
        }

        string prefix = TensorNames.OwnerOf(TensorNames.OwnerOf(missing));
        return embeddings.FirstOrDefault(tensor => tensor.Name == "shared.weight" || tensor.Name.EndsWith(".shared.weight", StringComparison.Ordinal))
            ?? Only(embeddings.Where(tensor => tensor.Name.Contains("decoder.", StringComparison.Ordinal)))
            ?? Only(embeddings.Where(tensor => prefix.Length > 0 && tensor.Name.StartsWith(prefix + ".", StringComparison.Ordinal)))
            ?? Only(embeddings.Where(tensor => tensor.Name.Contains("language_model", StringComparison.Ordinal) || tensor.Name.Contains("text_model", StringComparison.Ordinal)));
    }

    private CheckpointTensor? SharedFor(string missing) =>
        ReadersOfShared.Where(reader => EndsWith(missing, reader)).Select(reader => tensors.GetValueOrDefault(missing[..^reader.Length] + "shared.weight")).FirstOrDefault();

    private CheckpointTensor? BiasFor(string missing) =>
        Biases.Concat(Biases.Select(pair => (One: pair.Other, Other: pair.One))).Where(pair => EndsWith(missing, pair.One))
            .Select(pair => tensors.GetValueOrDefault(missing[..^pair.One.Length] + pair.Other)).FirstOrDefault();

    private static bool EndsWith(string name, string words) => name == words || name.EndsWith("." + words, StringComparison.Ordinal);

    private static CheckpointTensor[] InOrder(IReadOnlyDictionary<string, CheckpointTensor> tensors, Func<string, bool> isWanted) =>
        [.. tensors.Values.Where(tensor => isWanted(tensor.Name)).OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];

    private static CheckpointTensor? Only(IEnumerable<CheckpointTensor> tensors) => tensors.Take(2).ToArray() is [var only] ? only : null;

    // InternLM2 calls its head "output"; deeper in a model that is a layer's word.
    private static bool IsPlainHead(string name) => name is "output.weight" || name == "lm_head.weight" || name.EndsWith(".lm_head.weight", StringComparison.Ordinal);

    private static bool IsHeadWhereTied(string name) => name == WholeHead || HeadsWhereTied.Any(head => EndsWith(name, head)) && !IsInLayer(name);

    private static bool IsInLayer(string name) => name.Split('.').Any(TensorNames.IsNumber);

    private bool? Said(string path) => config.Find(path)?.Kind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };
}
