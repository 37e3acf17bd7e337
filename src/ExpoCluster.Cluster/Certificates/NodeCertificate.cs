using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Cluster.Certificates;

/// <summary>What a node shows to prove that it belongs to the cluster, and the authority by which it knows the others.</summary>
public sealed class NodeCertificate
{
    public const string Unreadable = "EXPO5031";
    public const string NotValidNow = "EXPO5032";
    public const string OtherAuthority = "EXPO5033";

    // A bundle of all the authorities of the web is a quarter of it.
    private const int MaxBytes = 1 << 20;

    private NodeCertificate(X509Certificate2 own, X509Certificate2Collection intermediates, X509Certificate2Collection authorities)
    {
        Own = own;
        Intermediates = intermediates;
        Authorities = authorities;
    }

    /// <summary>With its private key.</summary>
    public X509Certificate2 Own { get; }

    /// <summary>Of the file with the node's own certificate: what leads from it to the authority.</summary>
    public X509Certificate2Collection Intermediates { get; }

    /// <summary>Whose certificates are let in.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>Reads PEM files.</summary>
    /// <param name="certificateFile">The certificate, then perhaps intermediate ones.</param>
    /// <param name="keyFile">Its private key, not encrypted.</param>
    /// <param name="authorityFile">One or several certificates of authorities.</param>
    /// <param name="now">A certificate is good for a time.</param>
    /// <exception cref="UsageException">The files cannot be used; other nodes would refuse the certificate.</exception>
    public static NodeCertificate Read(string certificateFile, string keyFile, string authorityFile, DateTimeOffset now)
    {
        X509Certificate2Collection authorities = ReadCertificates("--tls-ca", authorityFile);
        X509Certificate2Collection chain = ReadCertificates("--tls-cert", certificateFile);
        X509Certificate2 own = WithKey(chain[0], keyFile);
        chain.RemoveAt(0);
        CertificateRefusal? refusal = CertificateRules.WhyRefused(own, chain, authorities, now);
        return refusal is null
            ? new NodeCertificate(own, chain, authorities)
            : throw new UsageException(new RecipeProblem(
                refusal.IsAboutTime ? NotValidNow : OtherAuthority, "--tls-cert", $"{certificateFile}: {refusal.Reason}.", AdviceFor(refusal, authorityFile)));
    }

    /// <exception cref="UsageException">The file holds no certificate that can be read.</exception>
    public static X509Certificate2Collection ReadCertificates(string option, string file)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(RegularFile.ReadText(file, MaxBytes));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw Problem(option, $"{file} cannot be read ({exception.Message}).");
        }

        return certificates.Count > 0 ? certificates : throw Problem(option, $"{file} holds no certificate.");
    }

    private static X509Certificate2 WithKey(X509Certificate2 certificate, string keyFile)
    {
        try
        {
            using X509Certificate2 pair = X509Certificate2.CreateFromPem(certificate.ExportCertificatePem(), RegularFile.ReadText(keyFile, MaxBytes));
            // Windows speaks TLS only with keys of its own store, into which this brings it.
            return X509CertificateLoader.LoadPkcs12(pair.Export(X509ContentType.Pkcs12), password: null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw Problem("--tls-key", $"{keyFile} is no private key of the certificate ({exception.Message}).");
        }
    }

    private static string AdviceFor(CertificateRefusal refusal, string authorityFile) => refusal.IsAboutTime
        ? "have a new certificate made (expocluster credentials makes one where there is none), or set this machine's clock."
        : $"give the certificate that {authorityFile} belongs to, or the authority that made this one.";

    private static UsageException Problem(string option, string message) => new(new RecipeProblem(
        Unreadable, option, message, "give files in PEM, as expocluster credentials makes them, that this user may read."));
}
