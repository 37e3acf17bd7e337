using ExpoCluster.Server.Nodes;

namespace ExpoCluster.Server.Tests.Nodes;

/// <summary>What Akka.Remote 1.5 says of refused connections, word by word, and what is left of it.</summary>
public sealed class RemotingLineTests
{
    private const string Channel = "channel [[::ffff:127.0.0.1]:4073->[::ffff:10.1.2.3]:53426](Id=4ef04262)";
    private const string NoTls = "not an SSL/TLS record: 3d9939029ccc9c3b010a586ecbb3cc32fd92f79f5d523e9db1c438627795aeca";

    [Fact]
    public void A_connection_without_TLS_is_one_line_without_its_bytes() => Assert.Equal(
        ["refused a connection with 10.1.2.3: what came is no TLS"],
        Lines(
            ("Error caught " + Channel, NoTls),
            ("TLS handshake failed on " + Channel, NoTls),
            ("Rejected incoming connection from [[::ffff:10.1.2.3]:53426] due to TLS handshake failure. This is likely invalid or malicious traffic.", "")));

    [Fact]
    public void One_without_a_certificate_is_one_line() => Assert.Equal(
        ["Mutual TLS required but client did not provide a certificate from [::ffff:10.1.2.3]"],
        Lines(
            ("Mutual TLS required but client did not provide a certificate from [::ffff:10.1.2.3]:53438", ""),
            ("TLS handshake failed on " + Channel, "The remote certificate was rejected by the provided RemoteCertificateValidationCallback."),
            ("Rejected incoming connection from [[::ffff:10.1.2.3]:53438] due to TLS handshake failure. This is likely invalid or malicious traffic.", "")));

    [Fact]
    public void Another_port_makes_no_other_line() => Assert.Single(
        Lines(("Error caught " + Channel, "Connection reset by peer"), ("Error caught " + Channel.Replace("53426", "53427", StringComparison.Ordinal).Replace("4ef", "5ef", StringComparison.Ordinal), "Connection reset by peer"))
            .Distinct());

    [Fact]
    public void What_says_why_a_node_is_refused_stays() => Assert.Equal(
        ["refused the node at 10.1.2.3: it was not made by the cluster's authority."],
        Lines(("refused the node at 10.1.2.3: it was not made by the cluster's authority.", "")));

    private static string[] Lines(params (string Message, string Cause)[] said) => [.. said.Select(line => RemotingLine.Of(line.Message, line.Cause)).OfType<string>()];
}
