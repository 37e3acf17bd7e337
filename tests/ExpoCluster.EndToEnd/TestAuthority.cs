using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ExpoCluster.Cluster.Certificates;

namespace ExpoCluster.EndToEnd;

/// <summary>An authority of the test's own, made without the product, and the files that it gives to nodes.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly string directory;
    private readonly string name;
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 certificate;

    public TestAuthority(string directory, string name)
    {
        this.directory = directory;
        this.name = name;
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddYears(-5), DateTimeOffset.UtcNow.AddYears(5));
        File.WriteAllText(CertificateFile, certificate.ExportCertificatePem());
    }

    public string CertificateFile => Path.Join(directory, name + "-ca.crt");

    /// <summary>As a node reads it.</summary>
    public NodeCertificate CertificateFor(string subject) =>
        OptionsFor(subject) is [_, string certificateFile, _, string keyFile, ..]
            ? NodeCertificate.Read(certificateFile, keyFile, CertificateFile, DateTimeOffset.UtcNow)
            : throw new InvalidOperationException("Options have changed.");

    public void Dispose()
    {
        certificate.Dispose();
        key.Dispose();
    }

    /// <summary>A certificate with its key, valid from and until these days from now.</summary>
    public X509Certificate2 Issue(string subject, double fromDays = -1, double untilDays = 90)
    {
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={subject}", own, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 made = request.Create(
            certificate, DateTimeOffset.UtcNow.AddDays(fromDays), DateTimeOffset.UtcNow.AddDays(untilDays), RandomNumberGenerator.GetBytes(8));
        return made.CopyWithPrivateKey(own);
    }

    /// <summary>The options that give a node a certificate of this authority.</summary>
    public string[] OptionsFor(string subject, double fromDays = -1, double untilDays = 90)
    {
        using X509Certificate2 made = Issue(subject, fromDays, untilDays);
        using ECDsa own = made.GetECDsaPrivateKey()!;
        string path = Path.Join(directory, $"{name}-{subject}");
        File.WriteAllText(path + ".crt", made.ExportCertificatePem());
        File.WriteAllText(path + ".key", own.ExportPkcs8PrivateKeyPem());
        return ["--tls-cert", path + ".crt", "--tls-key", path + ".key", "--tls-ca", CertificateFile];
    }
}
