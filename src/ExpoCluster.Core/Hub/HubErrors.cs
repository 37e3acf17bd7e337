using System.Globalization;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors;

namespace ExpoCluster.Core.Hub;

/// <summary>Every way in which the Hub can fail us, each with its code (docs/errors.md, 115x to 118x).</summary>
public static class HubErrors
{
    /// <summary>The reference is not of the form <c>hf:org/name[@revision]</c>.</summary>
    public const string Malformed = "EXPO1150";

    /// <summary>A variable of the environment has no meaning.</summary>
    public const string BadEnvironment = "EXPO1151";

    /// <summary>No such repository, or a private one.</summary>
    public const string RepositoryMissing = "EXPO1152";

    /// <summary>The repository has no such branch, tag or commit.</summary>
    public const string RevisionMissing = "EXPO1153";

    /// <summary>The commit has no such file.</summary>
    public const string FileMissing = "EXPO1154";

    /// <summary>The model's licence has to be accepted first.</summary>
    public const string Gated = "EXPO1155";

    /// <summary>The Hub does not know the token.</summary>
    public const string BadToken = "EXPO1156";

    /// <summary>The Hub has disabled the repository.</summary>
    public const string Disabled = "EXPO1157";

    /// <summary>The token's permissions do not reach.</summary>
    public const string Forbidden = "EXPO1158";

    /// <summary>Too many requests, and waiting did not help.</summary>
    public const string RateLimited = "EXPO1159";

    /// <summary>No connection, or one that breaks again and again.</summary>
    public const string Unreachable = "EXPO1160";

    /// <summary>The server fails again and again.</summary>
    public const string ServerFailed = "EXPO1161";

    /// <summary>A status that the protocol does not foresee.</summary>
    public const string UnexpectedStatus = "EXPO1162";

    /// <summary>An answer that no Hub would give.</summary>
    public const string NotAHub = "EXPO1163";

    /// <summary>A redirect that leads nowhere, in a circle, or out of encryption.</summary>
    public const string BadRedirect = "EXPO1164";

    /// <summary>The whole file comes where a range was asked for.</summary>
    public const string RangesIgnored = "EXPO1165";

    /// <summary>Length or range are not those of the listing.</summary>
    public const string WrongLength = "EXPO1166";

    /// <summary>The file on offer is another than the listed one.</summary>
    public const string WrongEtag = "EXPO1167";

    /// <summary>What was downloaded has another digest than the listing says.</summary>
    public const string WrongDigest = "EXPO1168";

    /// <summary>Not in the cache, and the Hub may not or cannot be asked.</summary>
    public const string NotCached = "EXPO1169";

    /// <summary>A listed path leads out of its folder.</summary>
    public const string UnsafePath = "EXPO1170";

    /// <summary>A file that a job has fetched was removed from the cache.</summary>
    public const string GoneFromTheCache = "EXPO1171";

    /// <summary>A list of files that goes on and on.</summary>
    public const string EndlessListing = "EXPO1172";

    /// <summary>A list of files that says two things of one name.</summary>
    public const string ContradictoryListing = "EXPO1173";

    /// <summary>A listed path that holds a control character, or a name that no file system takes.</summary>
    public const string BadName = "EXPO1174";

    private const string CheckEndpoint = "check HF_ENDPOINT and the proxy settings; this is not an answer of the Hugging Face Hub.";
    private const string AskAgain = "run the same command again later; what is downloaded is kept.";

    /// <summary>Another token, or one at all, could help.</summary>
    public static bool IsAboutToken(HubException refusal) => refusal.Code is RepositoryMissing or Gated or BadToken or Forbidden;

    internal static HubException MalformedReference(string text, string why) => new(
        Malformed, Printable.Of(text), $"not a model of the Hub: {why}", "write hf:org/name, or hf:org/name@revision.");

    internal static HubException MalformedToken(string source) => new(
        BadEnvironment, source, "the token has characters that no token has", "set HF_TOKEN to a token from https://huggingface.co/settings/tokens.");

    internal static HubException MalformedVariable(string name, string value, string expected) => new(
        BadEnvironment, name, $"'{Printable.Of(value)}' has no meaning here (expected {expected})", $"correct the variable {name}, or remove it.");

    internal static HubException NoSuchRepository(string where, string site, bool hasToken) => new(
        RepositoryMissing, where, "the Hub has no such model, or it is private",
        hasToken
            ? "check the name, and that the token's owner may see the model."
            : $"check the name at {site}; for a private model set HF_TOKEN, or log in with `hf auth login`.");

    internal static HubException NoSuchRevision(string where) => new(
        RevisionMissing, where, "the model has no such revision", "check the name of the branch or tag; a commit is given with all its 40 digits.");

    internal static HubException NoSuchFile(string where) => new(
        FileMissing, where, "the commit has no such file", "choose a revision of the model that has it.");

    internal static HubException LicenceNotAccepted(string where, string page, bool hasToken) => new(
        Gated, where, "access to this model is gated",
        hasToken
            ? $"accept the licence at {page} as the token's owner, then run the same command again."
            : $"accept the licence at {page}, set HF_TOKEN to a token of that account (or log in with `hf auth login`), then run the same command again.");

    internal static HubException TokenUnknown(string where) => new(
        BadToken, where, "the Hub does not know the token", "make a new token at https://huggingface.co/settings/tokens and set HF_TOKEN, or unset it.");

    internal static HubException RepositoryDisabled(string where) => new(
        Disabled, where, "the Hub has disabled access to this model", "use another model; the Hub's page of the model may say why.");

    internal static HubException NotPermitted(string where, string status) => new(
        Forbidden, where, $"the Hub refuses access ({status})", "use a token whose permissions include reading this model.");

    internal static HubException TooManyRequests(string where, string status, bool hasToken) => new(
        RateLimited, where, $"too many requests ({status})",
        hasToken ? AskAgain : "set HF_TOKEN, for known users may ask more often, or " + AskAgain);

    internal static HubException NotReached(string where, string why, Exception? cause) => new(
        Unreachable, where, $"the Hub cannot be reached ({Printable.Of(why)})",
        "check the network, HF_ENDPOINT and the proxy settings, then run the same command again: what is downloaded is kept.", cause);

    internal static HubException KeepsFailing(string where, string status) => new(
        ServerFailed, where, $"the server fails ({status})", AskAgain);

    internal static HubException NotForeseen(string where, string status) => new(
        UnexpectedStatus, where, $"the server answers {status}", CheckEndpoint);

    internal static HubException NotUnderstood(string where, string why, Exception? cause = null) => new(
        NotAHub, where, why, CheckEndpoint, cause);

    internal static HubException RedirectRefused(string where, string why) => new(
        BadRedirect, where, $"a redirect that cannot be followed: {why}", CheckEndpoint);

    internal static HubException NoRanges(HubFile file, long offset) => new(
        RangesIgnored, file.Name,
        string.Create(CultureInfo.InvariantCulture, $"the server sends the whole file where bytes from {offset} on were asked for"),
        "download the model first, without --no-cache, or use an HF_ENDPOINT that serves ranges.");

    internal static HubException LengthDiffers(HubFile file, string what, string expected, string found) => new(
        WrongLength, file.Name, $"{what} is not what the Hub's listing says (expected {expected}, found {Printable.Of(found)})",
        "run the same command again; if it stays so, check HF_ENDPOINT and the proxy settings.");

    internal static HubException EtagDiffers(HubFile file, string found) => new(
        WrongEtag, file.Name, $"the server offers another file than the listed one (expected {file.Etag}, found {Printable.Of(found)})",
        "run the same command again; if it stays so, check HF_ENDPOINT and the proxy settings.");

    internal static HubException DigestDiffers(HubFile file, string found) => new(
        WrongDigest, file.Name, $"what was downloaded is damaged (expected digest {file.Etag}, found {found})",
        "run the same command again: this file is downloaded anew.");

    internal static HubException MissingInCache(string where, string cache, string why) => new(
        NotCached, where, $"not in the cache {cache}, and {why}", "unset HF_HUB_OFFLINE and check the network, or download the model with `hf download` first.");

    internal static HubException GoneFromCache(string where, string cache) => new(
        GoneFromTheCache, where, $"it is not in the cache {cache} any more, or has another length there", "nothing: it is fetched again.");

    internal static HubException LeadsOutside(HubCommit commit, string path) => new(
        UnsafePath, commit.ToString(), $"the listing has the path '{Printable.Of(path)}', which leads out of its folder",
        "do not use this model unless you trust its author.");

    internal static HubException ListingEndless(HubCommit commit, string why) => new(
        EndlessListing, commit.ToString(), $"the list of files has no end that could be waited for: {why}", CheckEndpoint);

    internal static HubException ListingContradicts(HubCommit commit, string path, string how) => new(
        ContradictoryListing, commit.ToString(), $"the listing has the path '{Printable.Of(path)}' {how}", CheckEndpoint);

    internal static HubException NotAName(HubCommit commit, string path) => new(
        BadName, commit.ToString(), $"the listing has the path '{Printable.Of(path)}', with a control character, half a surrogate pair or a name of more than 255 bytes",
        "do not use this model unless you trust its author.");

    internal static string Status(int status, string? message, string? requestId)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"status {status}");
        text += message is null ? "" : ": " + Printable.Of(message);
        return requestId is null ? text : $"{text}; request {Printable.Of(requestId)}";
    }

    internal static string Bytes(long count) => $"{count.ToString(CultureInfo.InvariantCulture)} bytes ({ByteSize.Format(count)})";
}
