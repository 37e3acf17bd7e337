using System.Text.RegularExpressions;

namespace ExpoCluster.Server.Nodes;

/// <summary>What remoting's transport says of a connection that it refused, as one line: it says it two or three times, with the number of the port and all bytes.</summary>
internal static partial class RemotingLine
{
    private const string NoTls = "not an SSL/TLS record";

    /// <summary>The line; null for one that only says again what another says.</summary>
    /// <param name="message">Without what is behind its first line break.</param>
    /// <param name="cause">The exception's message; empty where there is none.</param>
    public static string? Of(string message, string cause)
    {
        if (message.StartsWith("Rejected incoming connection", StringComparison.Ordinal)
            || (message.StartsWith("Error caught channel", StringComparison.Ordinal) && cause.StartsWith(NoTls, StringComparison.Ordinal)))
        {
            return null;
        }

        if (message.StartsWith("TLS handshake failed on channel", StringComparison.Ordinal))
        {
            // Of a certificate that is missing or not let in a line of its own says more.
            return cause.Contains("RemoteCertificateValidationCallback", StringComparison.Ordinal) ? null : $"refused a connection with {PeerOf(message)}: {Short(cause)}";
        }

        return WithoutPorts(message) + (cause.Length > 0 ? $" ({Short(cause)})" : "");
    }

    private static string Short(string cause)
    {
        string told = cause.StartsWith(NoTls, StringComparison.Ordinal) ? "what came is no TLS" : cause;
        return LongHex().Replace(told, "…");
    }

    private static string PeerOf(string message) => Channel().Match(message) is { Success: true } channel ? channel.Groups[1].Value : "another machine";

    // A stranger has a new port each time, and the same line said again is counted.
    private static string WithoutPorts(string message) => FromPort().Replace(ChannelId().Replace(message, "$1"), "$1");

    [GeneratedRegex(@"->\[?(?:::ffff:)?([0-9a-zA-Z.:%]+?)\]?:[0-9]+\]")]
    private static partial Regex Channel();

    [GeneratedRegex(@"(\bchannel )\[.*?\]\(Id=[0-9a-f]+\)")]
    private static partial Regex ChannelId();

    [GeneratedRegex(@"(\bfrom \[?[0-9a-zA-Z.:%]+\]?):[0-9]+\b")]
    private static partial Regex FromPort();

    [GeneratedRegex("[0-9a-fA-F]{24,}")]
    private static partial Regex LongHex();
}
