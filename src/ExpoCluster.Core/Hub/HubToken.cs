namespace ExpoCluster.Core.Hub;

/// <summary>The secret that says who is asking. It has no text, so that it cannot slip into a message or a log.</summary>
public sealed class HubToken
{
    private readonly string value;

    private HubToken(string value) => this.value = value;

    /// <summary>Null for an empty text.</summary>
    /// <param name="text">As found; blanks and line ends around it are removed.</param>
    /// <param name="source">Where it was found, for the error.</param>
    /// <exception cref="HubException">It cannot be sent in a header.</exception>
    public static HubToken? Of(string? text, string source)
    {
        string trimmed = (text ?? "").Trim();
        if (trimmed.Any(character => character is <= ' ' or > '~'))
        {
            throw HubErrors.MalformedToken(source);
        }

        return trimmed.Length == 0 ? null : new HubToken(trimmed);
    }

    public override string ToString() => "(token)";

    /// <summary>The value of the Authorization header.</summary>
    internal string ToHeader() => "Bearer " + value;
}
