using ExpoCluster.Core.Checkpoints;

namespace ExpoCluster.Core.Planning;

/// <summary>
/// Models that use their embedding as output head need not store the head a second time. A checkpoint that has an embedding but no
/// head is such a one, for nothing else could be done with it.
/// </summary>
/// <param name="checkpoint">Which may be such a one.</param>
internal sealed class TiedEmbeddings(Checkpoint checkpoint)
{
    private static readonly string[] Embeddings = ["embed_tokens", "tok_embeddings", "word_embeddings", "embed_in", "wte"];

    // Looked for once: another checkpoint may have any number of heads.
    private readonly Lazy<CheckpointTensor?> embedding = new(() => OnlyEmbeddingOf(checkpoint));

    /// <summary>The embedding that stands for the head; null if the tensor is no head, or the checkpoint stores one, or is unclear.</summary>
    /// <param name="head">The name of a tensor that the other checkpoint has and this one has not.</param>
    public CheckpointTensor? StandingFor(string head) => IsHead(head) ? embedding.Value : null;

    private static CheckpointTensor? OnlyEmbeddingOf(Checkpoint checkpoint)
    {
        if (checkpoint.Tensors.Keys.Any(IsHead))
        {
            return null;
        }

        CheckpointTensor[] embeddings = [.. checkpoint.Tensors.Values.Where(tensor => IsEmbedding(tensor.Name))];
        return embeddings.Length == 1 ? embeddings[0] : null;
    }

    // InternLM2 calls its head "output"; deeper in a model that is a layer's word.
    private static bool IsHead(string name) => name is "output.weight" || name == "lm_head.weight" || name.EndsWith(".lm_head.weight", StringComparison.Ordinal);

    private static bool IsEmbedding(string name) => name.Split('.') is [.., var owner, "weight"] && Embeddings.Contains(owner);
}
