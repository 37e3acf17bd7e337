namespace ExpoCluster.Core.Checkpoints;

/// <summary>A reference to a checkpoint as a user writes it: a place, and perhaps the key of a dictionary in a PyTorch file there (<c>policy.pt#state</c>).</summary>
/// <param name="Place">A path, or a model of the Hub.</param>
/// <param name="Key">Null where the file's own structure tells.</param>
public sealed record CheckpointReference(string Place, string? Key)
{
    private const char Separator = '#';

    /// <summary>Parts a reference. What is behind the last <c>#</c> is a key unless a file or directory is called so.</summary>
    public static CheckpointReference Of(string text)
    {
        int at = text.LastIndexOf(Separator);
        return at <= 0 || at == text.Length - 1 || Path.Exists(text) ? new CheckpointReference(text, null) : new CheckpointReference(text[..at], text[(at + 1)..]);
    }

    public override string ToString() => Key is null ? Place : $"{Place}{Separator}{Key}";
}
