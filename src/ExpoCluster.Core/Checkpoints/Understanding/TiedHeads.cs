using System.Collections.Immutable;
using System.Text.Json;

namespace ExpoCluster.Core.Checkpoints.Understanding;

/// <summary>Embeddings and output heads of a checkpoint, and whether its configuration says that they are one.</summary>
public sealed class TiedHeads
{
    internal const string Key = "tie_word_embeddings";

    private static readonly string[] EmbeddingOwners = ["embed_tokens", "tok_embeddings", "word_embeddings", "embed_in", "wte", "shared", "tokens_embed", "token_embedding"];

    // In these, a head of this name means something else unless the configuration says that it is tied.
    private static readonly string[] HeadsWhereTied = ["embed_out", "proj_out"];

    private static readonly string[] Places = ["", .. ConfigFacts.LanguageModels.Select(model => model + "."), "decoder.", "thinker_config.text_config."];

    // Their configurations leave the key out where it is true, for that is their default.
    private static readonly HashSet<string> TiedByDefault = new(StringComparer.Ordinal)
    {
        "t5", "longt5", "whisper", "gpt2", "gpt_neo", "bart", "mbart", "marian", "pegasus", "blenderbot", "m2m_100", "opt", "bloom", "led",
        "gemma", "gemma2", "gemma3", "gemma3_text", "cohere", "cohere2", "speech_to_text", "bert", "roberta", "distilbert", "electra", "albert", "xlm-roberta", "deberta-v2",
    };

    private readonly ConfigFacts config;

    // Looked for once: another checkpoint may have any number of heads.
    private readonly Lazy<(CheckpointTensor[] Heads, CheckpointTensor[] Embeddings)> stored;

    /// <param name="tensors">Every tensor by name.</param>
    /// <param name="config">Of the checkpoint.</param>
    public TiedHeads(IReadOnlyDictionary<string, CheckpointTensor> tensors, ConfigFacts config)
    {
        this.config = config;
        IsTied = Places.Select(place => Said(place + Key)).FirstOrDefault(said => said is not null)
            ?? config.Named(Key).Select(entry => Said(entry.Key)).FirstOrDefault(said => said is not null)
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
    public bool IsHead(string name) => IsPlainHead(name) || (IsTied == true && name.Split('.') is [.., var owner, "weight"] && HeadsWhereTied.Contains(owner, StringComparer.Ordinal) && !IsInLayer(name));

    /// <summary>The name is one of an embedding of tokens.</summary>
    public static bool IsEmbedding(string name) => name.Split('.') is [.., var owner, "weight"] && EmbeddingOwners.Contains(owner, StringComparer.Ordinal);

    /// <summary>The stored tensor that stands for one that is not stored; null where that is unclear.</summary>
    /// <param name="missing">The name of a head or an embedding that the other checkpoint has.</param>
    internal CheckpointTensor? StandingFor(string missing)
    {
        if (IsTied == false)
        {
            return null;
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

    private static CheckpointTensor[] InOrder(IReadOnlyDictionary<string, CheckpointTensor> tensors, Func<string, bool> isWanted) =>
        [.. tensors.Values.Where(tensor => isWanted(tensor.Name)).OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];

    private static CheckpointTensor? Only(IEnumerable<CheckpointTensor> tensors) => tensors.Take(2).ToArray() is [var only] ? only : null;

    // InternLM2 calls its head "output"; deeper in a model that is a layer's word.
    private static bool IsPlainHead(string name) => name is "output.weight" || name == "lm_head.weight" || name.EndsWith(".lm_head.weight", StringComparison.Ordinal);

    private static bool IsInLayer(string name) => name.Split('.').Any(TensorNames.IsNumber);

    private bool? Said(string path) => config.Find(path)?.Kind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };
}
