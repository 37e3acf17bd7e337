using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ExpoCluster.Server.Credentials;

/// <summary>Makes the certificates of a cluster that has no authority of its own yet.</summary>
internal static class CertificateForge
{
    private const int SerialBytes = 16;

    private static readonly TimeSpan AuthorityLifetime = TimeSpan.FromDays(3650);

    private static readonly TimeSpan NodeLifetime = TimeSpan.FromDays(730);

    // Machines disagree about the time.
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(10);

    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");

    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    public static ECDsa NewKey() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>An authority that signs nodes, and no other authorities.</summary>
    public static X509Certificate2 Authority(ECDsa key, DateTimeOffset now)
    {
        var request = new CertificateRequest("CN=ExpoCluster authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request.CreateSelfSigned(now - ClockTolerance, now + AuthorityLifetime);
    }

    /// <summary>A node's certificate: it calls others and is called by them.</summary>
    public static X509Certificate2 Node(ECDsa key, X509Certificate2 authority, IEnumerable<string> hostnames, DateTimeOffset now)
    {
        var request = new CertificateRequest("CN=ExpoCluster node", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([ServerAuthentication, ClientAuthentication], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        request.CertificateExtensions.Add(NamesOf(hostnames));
        DateTimeOffset end = now + NodeLifetime;
        DateTimeOffset authorityEnd = authority.NotAfter;
        return request.Create(authority, now - ClockTolerance, end < authorityEnd ? end : authorityEnd, RandomNumberGenerator.GetBytes(SerialBytes));
    }

    private static X509Extension NamesOf(IEnumerable<string> hostnames)
    {
        var names = new SubjectAlternativeNameBuilder();
        foreach (string hostname in hostnames)
        {
            if (IPAddress.TryParse(hostname, out IPAddress? address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(hostname);
            }
        }

        return names.Build();
    }
}
