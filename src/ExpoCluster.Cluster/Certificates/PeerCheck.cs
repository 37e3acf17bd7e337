using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Akka.Event;
using Akka.Remote.Transport.DotNetty;

namespace ExpoCluster.Cluster.Certificates;

/// <summary>Lets only nodes of the same authority speak to this one, and says why another was refused.</summary>
internal sealed class PeerCheck(NodeCertificate node, TimeProvider clock)
{
    // A refused node comes again every second.
    private static readonly TimeSpan SayAgainAfter = TimeSpan.FromMinutes(1);

    private const int MaxKnownReasons = 1000;

    private readonly ConcurrentDictionary<string, long> said = new(StringComparer.Ordinal);
    private volatile string? refusedCall;

    /// <summary>Why a node that this one called was refused; whoever calls this node does not count.</summary>
    public string? RefusedCall => refusedCall;

    public DotNettySslSetup Setup => new(node.Own, suppressValidation: false, requireMutualAuthentication: true, customValidator: Accepts);

    private bool Accepts(X509Certificate2? certificate, X509Chain? chain, string remotePeer, SslPolicyErrors errors, ILoggingAdapter log)
    {
        var intermediates = new X509Certificate2Collection(node.Intermediates);
        foreach (X509ChainElement element in chain?.ChainElements ?? Enumerable.Empty<X509ChainElement>())
        {
            intermediates.Add(element.Certificate);
        }

        if (CertificateRules.WhyRefused(certificate, intermediates, node.Authorities, clock.GetUtcNow()) is not { } refusal)
        {
            return true;
        }

        // Whom this node called stands here with its address as a node, a caller with that of its connection.
        if (remotePeer.Contains("://", StringComparison.Ordinal))
        {
            refusedCall = refusal.Reason;
        }

        if (IsNews(refusal.Reason))
        {
            // An error, for a node's log leaves out what remoting only warns of.
            log.Error("refused the node at {Peer}: {Reason}.", remotePeer, refusal.Reason);
        }

        return false;
    }

    private bool IsNews(string reason)
    {
        long now = clock.GetTimestamp();
        if (said.TryGetValue(reason, out long before) && clock.GetElapsedTime(before, now) < SayAgainAfter)
        {
            return false;
        }

        if (said.Count >= MaxKnownReasons)
        {
            said.Clear();
        }

        said[reason] = now;
        return true;
    }
}
