using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Tokenizers;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>Whether two checkpoints mean the same token by the same row of their embeddings.</summary>
internal static class TokenizerComparison
{
    /// <summary>The first ids that mean different tokens, with their number; null where none does, or nothing can be compared.</summary>
    /// <param name="ofBase">Of base.</param>
    /// <param name="ofAligned">Of aligned.</param>
    public static string? Find(CheckpointFolder ofBase, CheckpointFolder ofAligned) => TokenizerDifference.Find(Reader(ofBase), Reader(ofAligned))?.ToString();

    // Of a model of the Hub only headers are read, unless it is in the cache.
    private static Func<string, byte[]?> Reader(CheckpointFolder folder) =>
        name => folder.LocalDirectory is null ? null : folder.ReadBeside(name, TokenizerDifference.MaxBytes);
}
