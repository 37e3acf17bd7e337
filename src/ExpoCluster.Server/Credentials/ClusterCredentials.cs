using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ExpoCluster.Server.Credentials;

/// <summary>What a cluster needs once: an authority, a certificate for its nodes, tokens for its users. What is there stays as it is.</summary>
/// <param name="directory">Where the files are.</param>
/// <param name="authorityKeyFile">The authority's private key, which no node needs.</param>
/// <param name="clock">Certificates are good for a time.</param>
public sealed class ClusterCredentials(string directory, string authorityKeyFile, TimeProvider clock)
{
    public const string AuthorityName = "ca.crt";
    public const string AuthorityKeyName = "ca.key";
    public const string CertificateName = "node.crt";
    public const string KeyName = "node.key";
    public const string TokensName = "tokens";
    public const string PasswordsName = "pgpass";

    private const int TokenDigits = 64;

    private static readonly string[] OwnNames = ["localhost", IPAddress.Loopback.ToString(), IPAddress.IPv6Loopback.ToString()];

    private readonly ImmutableArray<CredentialFile>.Builder files = ImmutableArray.CreateBuilder<CredentialFile>();

    /// <summary>Makes what is missing.</summary>
    /// <param name="hostnames">Names and addresses under which clients reach nodes by HTTPS.</param>
    /// <param name="databasePasswordFile">Gets a password for PostgreSQL, for its server to read; the nodes' copy is in <see cref="PasswordsName"/>. Null for none.</param>
    /// <param name="metricsTokenFile">Gets a reader's token of <see cref="TokensName"/>, for Prometheus to show. Null for none.</param>
    /// <exception cref="CredentialsException">Something cannot be made, or what is there does not fit together.</exception>
    public ImmutableArray<CredentialFile> Make(IEnumerable<string> hostnames, string? databasePasswordFile, string? metricsTokenFile = null)
    {
        MakeForNodes(hostnames);
        Make(PathOf(TokensName), SecretFile.ForOwner, NewTokens);
        if (databasePasswordFile is not null)
        {
            MakeDatabasePassword(databasePasswordFile);
        }

        if (metricsTokenFile is not null)
        {
            Make(metricsTokenFile, ModeForServer(metricsTokenFile), ReadersToken);
        }

        return files.ToImmutable();
    }

    /// <summary>Makes what is missing of that by which nodes know each other: the authority, a certificate and its key.</summary>
    /// <exception cref="CredentialsException">Something cannot be made, or what is there does not fit together.</exception>
    public void MakeForNodes(IEnumerable<string> hostnames)
    {
        MakeAuthority();
        MakeCertificate([.. OwnNames.Concat(hostnames).Distinct(StringComparer.OrdinalIgnoreCase)]);
    }

    // A key is made first and read back, so that whoever is interrupted, or makes the same at the same time, ends with a pair.
    private void MakeAuthority()
    {
        bool isForeign = File.Exists(PathOf(AuthorityName)) && !File.Exists(authorityKeyFile);
        if (isForeign)
        {
            // An authority that is kept elsewhere: nothing can be signed here.
            files.Add(new CredentialFile(PathOf(AuthorityName), IsNew: false));
            return;
        }

        Make(authorityKeyFile, SecretFile.ForOwner, NewKey);
        Make(PathOf(AuthorityName), SecretFile.ForAll, () =>
        {
            using ECDsa key = ReadKey(authorityKeyFile);
            using X509Certificate2 made = CertificateForge.Authority(key, clock.GetUtcNow());
            return Pem(made);
        });
    }

    private void MakeCertificate(ImmutableArray<string> hostnames)
    {
        Make(PathOf(KeyName), SecretFile.ForOwner, NewKey);
        Make(PathOf(CertificateName), SecretFile.ForAll, () =>
        {
            using ECDsa key = ReadKey(PathOf(KeyName));
            using X509Certificate2 authority = ReadAuthority();
            using X509Certificate2 made = CertificateForge.Node(key, authority, hostnames, clock.GetUtcNow());
            return Pem(made);
        });
    }

    private void MakeDatabasePassword(string path)
    {
        // The database keeps the password that it was first started with, so neither file may be made alone.
        if (File.Exists(path) != File.Exists(PathOf(PasswordsName)) && File.Exists(PathOf(PasswordsName)))
        {
            throw new CredentialsException(
                $"{path} is missing, and {PathOf(PasswordsName)} is there.",
                $"restore it, or remove both and give the database the new password.");
        }

        Make(path, ModeForServer(path), NewSecret);
        Make(PathOf(PasswordsName), SecretFile.ForOwner, () => $"*:*:*:*:{SecretFile.Read(path).Trim()}\n");
    }

    // PostgreSQL's server and Prometheus run as users of their own, so where they read a file only its place protects it. Beside what is the
    // owner's alone nobody of them reads.
    private UnixFileMode ModeForServer(string path) => Path.GetDirectoryName(Path.GetFullPath(path)) == Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory))
        ? SecretFile.ForOwner
        : SecretFile.ForAll;

    private static ECDsa ReadKey(string path)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(SecretFile.Read(path));
            return key;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw NotOurs(path, "no private key of an elliptic curve", exception);
        }
    }

    private X509Certificate2 ReadAuthority()
    {
        if (!File.Exists(authorityKeyFile))
        {
            throw new CredentialsException(
                $"{authorityKeyFile} is missing, so {PathOf(CertificateName)} cannot be made.",
                "put a certificate that the authority made there, or move all files away and begin anew.");
        }

        try
        {
            return X509Certificate2.CreateFromPem(SecretFile.Read(PathOf(AuthorityName)), SecretFile.Read(authorityKeyFile));
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw NotOurs(PathOf(AuthorityName), $"not the certificate of {authorityKeyFile}", exception);
        }
    }

    private void Make(string path, UnixFileMode mode, Func<string> content) =>
        files.Add(new CredentialFile(path, SecretFile.MakeIfMissing(path, mode, content)));

    private string PathOf(string name) => Path.Join(directory, name);

    private static string NewTokens() =>
        $"# TOKEN ROLE NAME: who may come in over HTTP; a line of its own for everybody.\n{NewSecret()} operator operator\n{NewSecret()} reader reader\n";

    private string ReadersToken() => SecretFile.Read(PathOf(TokensName)).Split('\n')
        .Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        .FirstOrDefault(words => words is [not ['#', ..], "reader", ..])?[0]
        ?? throw new CredentialsException($"{PathOf(TokensName)} holds no reader's token.", "add a line: TOKEN reader NAME.");

    private static string NewSecret() => RandomNumberGenerator.GetHexString(TokenDigits, lowercase: true);

    private static string NewKey()
    {
        using ECDsa key = CertificateForge.NewKey();
        return key.ExportPkcs8PrivateKeyPem() + "\n";
    }

    private static string Pem(X509Certificate2 certificate) => certificate.ExportCertificatePem() + "\n";

    private static CredentialsException NotOurs(string path, string what, Exception exception) => new(
        $"{path} is {what} ({exception.Message}).", "restore the files that belong together, or move them away and begin anew.", exception);
}
