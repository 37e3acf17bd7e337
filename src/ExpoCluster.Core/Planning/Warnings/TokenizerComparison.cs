using ExpoCluster.Core.Checkpoints;
using ExpoCluster.Core.Checkpoints.Tokenizers;

namespace ExpoCluster.Core.Planning.Warnings;

/// <summary>Whether two checkpoints mean the same token by the same row of their embeddings.</summary>
internal static class TokenizerComparison
{
    /// <summary>Of a file that is still at the Hub. Nearly all are smaller, and most pairs have the same, which their digests tell.</summary>
    private const int MaxRemoteBytes = 32 << 20;

    /// <summary>The first ids that mean different tokens, with their number; null where none does, or nothing can be compared.</summary>
    /// <param name="ofBase">Of base.</param>
    /// <param name="ofAligned">Of aligned.</param>
    public static string? Find(CheckpointFolder ofBase, CheckpointFolder ofAligned) => TokenizerDifference.Find(
        Reader(ofBase, ofAligned),
        Reader(ofAligned, ofBase),
        name => ofBase.DigestOf(name) is { } digest && digest == ofAligned.DigestOf(name))?.ToString();

    // A vocabulary that the other has not is not read; what is added to one may be in one alone.
    private static Func<string, byte[]?> Reader(CheckpointFolder folder, CheckpointFolder other) => name =>
        !folder.Has(name) || !(TokenizerDifference.IsAdded(name) || other.Has(name))
            ? null
            : folder.ReadBeside(name, folder.LocalDirectory is null ? MaxRemoteBytes : TokenizerDifference.MaxBytes);
}
