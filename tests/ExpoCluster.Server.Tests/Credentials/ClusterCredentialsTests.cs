using System.Security.Cryptography.X509Certificates;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Server.Access;
using ExpoCluster.Server.Credentials;

namespace ExpoCluster.Server.Tests.Credentials;

public sealed class ClusterCredentialsTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("expocluster-credentials-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void What_is_made_fits_together()
    {
        Make("node1.example", "10.1.2.3");

        NodeCertificate made = NodeCertificate.Read(In("node.crt"), In("node.key"), In("ca.crt"), DateTimeOffset.UtcNow);
        Assert.All(["node1.example", "localhost"], name => Assert.True(made.Own.MatchesHostname(name), name));
        Assert.All(["10.1.2.3", "127.0.0.1", "::1"], address => Assert.True(made.Own.MatchesHostname(address), address));
        Assert.False(made.Own.MatchesHostname("node2.example"));
    }

    [Fact]
    public void There_is_a_token_for_each_role()
    {
        Make();
        string[] lines = [.. File.ReadAllLines(In("tokens")).Where(line => !line.StartsWith('#'))];
        AccessTokens tokens = AccessTokens.ReadFrom(In("tokens"));

        Assert.Equal(
            [new AccessGrant("operator", AccessRole.Operator), new AccessGrant("reader", AccessRole.Reader)],
            lines.Select(line => tokens.Find(line.Split(' ')[0])));
    }

    [Fact]
    public void The_metrics_token_is_the_readers_and_stays()
    {
        string file = In("monitoring/token");
        new ClusterCredentials(directory, In("ca.key"), TimeProvider.System).Make([], databasePasswordFile: null, file);
        string token = File.ReadAllText(file);

        Assert.Equal(new AccessGrant("reader", AccessRole.Reader), AccessTokens.ReadFrom(In("tokens")).Find(token));
        Assert.All(new ClusterCredentials(directory, In("ca.key"), TimeProvider.System).Make([], databasePasswordFile: null, file), made => Assert.False(made.IsNew, made.Path));
        Assert.Equal(token, File.ReadAllText(file));
    }

    [Fact]
    public void The_second_time_nothing_is_made()
    {
        Make();
        Dictionary<string, string> before = Contents();

        Assert.All(Make("other.example"), file => Assert.False(file.IsNew, file.Path));
        Assert.Equal(before, Contents());
    }

    [Fact]
    public void What_is_missing_is_made_from_what_is_there()
    {
        Make();
        Dictionary<string, string> before = Contents();
        File.Delete(In("node.crt"));
        File.Delete(In("tokens"));

        Assert.Equal([In("node.crt"), In("tokens")], Make().Where(file => file.IsNew).Select(file => file.Path));
        NodeCertificate.Read(In("node.crt"), In("node.key"), In("ca.crt"), DateTimeOffset.UtcNow);
        Assert.NotEqual(before["tokens"], Contents()["tokens"]);
        Assert.Equal(before["node.key"], Contents()["node.key"]);
    }

    [Fact]
    public void Secrets_are_for_their_owner_only()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Make();

        foreach (string name in new[] { "ca.key", "node.key", "tokens", "pgpass", "password" })
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(In(name)));
        }

        foreach (string name in new[] { "ca.crt", "node.crt" })
        {
            Assert.True(File.GetUnixFileMode(In(name)).HasFlag(UnixFileMode.OtherRead), name);
        }

        // Where a server of another user reads them, the place protects them.
        new ClusterCredentials(In("other"), In("ca.key"), TimeProvider.System).Make([], In("database/password"), In("monitoring/token"));
        foreach (string name in new[] { "database/password", "monitoring/token" })
        {
            Assert.True(File.GetUnixFileMode(In(name)).HasFlag(UnixFileMode.OtherRead), name);
        }
    }

    [Fact]
    public void The_database_gets_the_password_that_the_nodes_know()
    {
        Make();

        Assert.Equal($"*:*:*:*:{File.ReadAllText(In("password")).Trim()}", File.ReadAllText(In("pgpass")).Trim());
        Assert.True(File.ReadAllText(In("password")).Length >= 32);

        File.Delete(In("password"));
        Assert.Contains("pgpass", Assert.Throws<CredentialsException>(() => Make()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_authoritys_key_no_certificate_can_be_made_but_one_that_is_there_is_kept()
    {
        Make();
        File.Delete(In("ca.key"));
        Assert.All(Make(), file => Assert.False(file.IsNew, file.Path));

        File.Delete(In("node.crt"));
        Assert.Contains("ca.key is missing", Assert.Throws<CredentialsException>(() => Make()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_certificate_names_its_end_which_is_not_after_its_authoritys()
    {
        Make();
        using X509Certificate2 node = X509CertificateLoader.LoadCertificateFromFile(In("node.crt"));
        using X509Certificate2 authority = X509CertificateLoader.LoadCertificateFromFile(In("ca.crt"));

        Assert.InRange(node.NotAfter, DateTime.Now.AddDays(365), authority.NotAfter);
    }

    private CredentialFile[] Make(params string[] hostnames) =>
        [.. new ClusterCredentials(directory, In("ca.key"), TimeProvider.System).Make(hostnames, In("password"))];

    private string In(string name) => Path.Join(directory, name);

    private Dictionary<string, string> Contents() =>
        Directory.EnumerateFiles(directory).ToDictionary(path => Path.GetFileName(path), File.ReadAllText);
}
