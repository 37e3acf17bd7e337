using System.Globalization;
using System.Security.Cryptography.X509Certificates;

namespace ExpoCluster.Cluster.Certificates;

/// <summary>Which certificates are taken: those of the cluster's authority, while they are valid. Names do not count, for a node may come from any address.</summary>
public static class CertificateRules
{
    /// <returns>Null when the certificate is taken.</returns>
    public static CertificateRefusal? WhyRefused(
        X509Certificate2? certificate, X509Certificate2Collection intermediates, X509Certificate2Collection authorities, DateTimeOffset now)
    {
        if (certificate is null)
        {
            return new CertificateRefusal("no certificate was shown", IsAboutTime: false);
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.ExtraStore.AddRange(intermediates);
        // The authority is private and publishes no list; and a handshake must not wait for an address on the way.
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        return chain.Build(certificate) ? null : Explain(certificate, chain, now);
    }

    // The origin comes first: of a stranger it is of no interest whether it has expired.
    private static CertificateRefusal Explain(X509Certificate2 certificate, X509Chain chain, DateTimeOffset now)
    {
        string name = $"the certificate {certificate.Subject}";
        X509ChainStatusFlags wrong = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status);
        if (wrong != X509ChainStatusFlags.NotTimeValid)
        {
            return new CertificateRefusal($"{name} was not made by the cluster's authority, but by {certificate.Issuer} ({wrong})", IsAboutTime: false);
        }

        X509Certificate2 untimely = chain.ChainElements.Select(element => element.Certificate).FirstOrDefault(link => !IsValid(link, now)) ?? certificate;
        string whose = untimely.Thumbprint == certificate.Thumbprint ? name : $"{name} was made by {untimely.Subject}, which";
        return new CertificateRefusal(
            untimely.NotAfter.ToUniversalTime() < now.UtcDateTime
                ? $"{whose} expired on {Text(untimely.NotAfter)}"
                : $"{whose} is not valid before {Text(untimely.NotBefore)}",
            IsAboutTime: true);
    }

    private static bool IsValid(X509Certificate2 certificate, DateTimeOffset now) =>
        certificate.NotBefore.ToUniversalTime() <= now.UtcDateTime && now.UtcDateTime <= certificate.NotAfter.ToUniversalTime();

    private static string Text(DateTime local) => local.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
