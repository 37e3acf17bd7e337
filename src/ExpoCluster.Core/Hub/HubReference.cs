using System.Text.RegularExpressions;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>A model of the Hugging Face Hub as a user writes it: <c>hf:org/name[@revision]</c>.</summary>
/// <param name="Repository">For example <c>mistralai/Mistral-7B-v0.1</c>; old ones have no organisation.</param>
/// <param name="Revision">A branch, a tag or a commit; null stands for <see cref="DefaultRevision"/>.</param>
public sealed partial record HubReference(string Repository, string? Revision)
{
    public const string Prefix = "hf:";

    public const string DefaultRevision = "main";

    private const int LongestRevision = 250;

    /// <summary>The revision to ask the Hub for.</summary>
    public string RevisionOrDefault => Revision ?? DefaultRevision;

    /// <summary>The revision is a full commit, so that nobody needs to be asked what it means.</summary>
    public bool IsPinned => Revision is { } revision && HubCommit.IsSha(revision);

    public static bool Matches(string reference) => reference.StartsWith(Prefix, StringComparison.Ordinal);

    /// <exception cref="HubException">The text breaks the Hub's rules for names.</exception>
    public static HubReference Parse(string text)
    {
        string rest = Matches(text) ? text[Prefix.Length..] : throw HubErrors.MalformedReference(text, "it must begin with 'hf:'");
        int at = rest.IndexOf('@', StringComparison.Ordinal);
        string repository = at < 0 ? rest : rest[..at];
        string? revision = at < 0 ? null : rest[(at + 1)..];
        CheckRepository(text, repository);
        CheckRevision(text, revision);
        return new HubReference(repository, revision);
    }

    /// <summary>The same model at one commit.</summary>
    public HubReference At(HubCommit commit) => this with { Revision = commit.Sha };

    public override string ToString() => Revision is null ? Prefix + Repository : $"{Prefix}{Repository}@{Revision}";

    private static void CheckRepository(string text, string repository)
    {
        string[] names = repository.Split('/');
        if (names.Length > 2 || !names.All(name => Name().IsMatch(name)))
        {
            throw HubErrors.MalformedReference(text, $"'{Printable.Of(repository)}' is not of the form org/name");
        }

        if (repository.Contains("--", StringComparison.Ordinal) || repository.Contains("..", StringComparison.Ordinal)
            || repository.EndsWith(".git", StringComparison.Ordinal))
        {
            throw HubErrors.MalformedReference(text, "a name of the Hub has neither '--' nor '..' and does not end with '.git'");
        }
    }

    private static void CheckRevision(string text, string? revision)
    {
        // It becomes the name of a file under refs/.
        if (revision is not null && (revision.Length > LongestRevision || !RevisionText().IsMatch(revision)
            || revision.Split('/').Any(segment => segment is "" or "." or "..")))
        {
            throw HubErrors.MalformedReference(text, $"'{Printable.Of(revision)}' is not a branch, a tag or a commit");
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?\z")]
    private static partial Regex Name();

    // What git allows in a name, and file systems too.
    [GeneratedRegex(@"\A[^\x00-\x20\x7f~^:?*\[\\""<>|@]+\z")]
    private static partial Regex RevisionText();
}
