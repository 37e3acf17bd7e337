using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ExpoCluster.Core.Recipes;
using ExpoCluster.Tensors.Files;

namespace ExpoCluster.Cli.Commands;

/// <summary>Connections to a server whose certificate is of a cluster's own authority.</summary>
internal static class ServerTrust
{
    public const string Variable = "EXPOCLUSTER_TLS_CA";

    private const string Unusable = "EXPO5124";
    private const int MaxBytes = 1 << 20;

    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(10);

    /// <param name="authorityFile">PEM; null for the authorities that this machine knows.</param>
    /// <param name="isNameOfInterest">False to ask a node on this machine, whose certificate names it as others reach it.</param>
    /// <exception cref="UsageException">The file cannot be used.</exception>
    public static SocketsHttpHandler Connection(string? authorityFile, bool isNameOfInterest = true)
    {
        var connection = new SocketsHttpHandler { ConnectTimeout = ConnectPatience };
        if (authorityFile is null)
        {
            return connection;
        }

        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(Read(authorityFile));
        connection.SslOptions.CertificateChainPolicy = policy;
        if (!isNameOfInterest)
        {
            connection.SslOptions.RemoteCertificateValidationCallback = (_, _, _, errors) => (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == 0;
        }

        return connection;
    }

    private static X509Certificate2Collection Read(string file)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(RegularFile.ReadText(file, MaxBytes));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw Problem($"{file} cannot be read ({exception.Message}).");
        }

        return certificates.Count > 0 ? certificates : throw Problem($"{file} holds no certificate.");
    }

    private static UsageException Problem(string message) =>
        new(new RecipeProblem(Unusable, "--tls-ca", message, "give the authority's certificate in PEM, as expocluster credentials makes it."));
}
