using System.Globalization;
using System.Net.Http.Headers;

namespace ExpoCluster.Core.Hub;

/// <summary>What the Hub itself says of a file, before it sends the client to where the bytes lie.</summary>
/// <remarks>A storage host's own headers are never taken: its ETag may be another digest.</remarks>
/// <param name="Commit">Of the answer.</param>
/// <param name="Etag">SHA-256 or git's SHA-1 of the file; null where it is no such digest.</param>
/// <param name="ByteLength">Of the file; null where only the body's length tells.</param>
internal sealed record HubHeaders(string? Commit, string? Etag, long? ByteLength)
{
    public static readonly HubHeaders None = new(null, null, null);

    /// <summary>Of an answer that may follow others of the Hub, to which it was redirected.</summary>
    public HubHeaders With(HttpResponseMessage response) => new(
        Text(response, "X-Repo-Commit") ?? Commit,
        DigestOf(Text(response, "X-Linked-Etag")) ?? DigestOf(Text(response, "ETag")) ?? Etag,
        Number(Text(response, "X-Linked-Size")) ?? ByteLength);

    /// <summary>One header of a response, its body's headers included; null when it is not there.</summary>
    public static string? Text(HttpResponseMessage response, string name) =>
        Values(response.Headers, name) ?? Values(response.Content.Headers, name);

    private static string? Values(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out HeaderStringValues values) && values.Count > 0 ? string.Join(", ", values) : null;

    private static string? DigestOf(string? etag)
    {
        string text = etag ?? "";
        text = (text.StartsWith("W/", StringComparison.Ordinal) ? text[2..] : text).Trim('"');
        return text.Length is 40 or 64 && text.All(char.IsAsciiHexDigitLower) ? text : null;
    }

    private static long? Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : null;
}
