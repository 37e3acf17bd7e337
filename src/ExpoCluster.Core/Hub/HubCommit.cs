using System.Text.RegularExpressions;

namespace ExpoCluster.Core.Hub;

/// <summary>One commit of one model: what a reference is pinned to, so that all files come from one state.</summary>
/// <param name="Repository">For example <c>mistralai/Mistral-7B-v0.1</c>.</param>
/// <param name="Sha">40 hexadecimal digits.</param>
public sealed partial record HubCommit(string Repository, string Sha)
{
    /// <summary>Only 40 lower-case digits are a commit; anything shorter is the name of a branch or a tag.</summary>
    public static bool IsSha(string text) => Sha1().IsMatch(text);

    /// <summary>Reads what <see cref="ToString"/> gives.</summary>
    /// <exception cref="HubException">It is no reference to a commit.</exception>
    public static HubCommit Parse(string text) => HubReference.Parse(text) is { IsPinned: true } reference
        ? new HubCommit(reference.Repository, reference.Revision!)
        : throw HubErrors.MalformedReference(text, "it names no commit");

    public override string ToString() => $"{HubReference.Prefix}{Repository}@{Sha}";

    [GeneratedRegex(@"\A[0-9a-f]{40}\z")]
    private static partial Regex Sha1();
}
