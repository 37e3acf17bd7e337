using System.Runtime.Versioning;
using ExpoCluster.Cluster.Certificates;
using ExpoCluster.Core.Tests;
using ExpoCluster.Server.Credentials;

namespace ExpoCluster.Server.Tests.Credentials;

[UnsupportedOSPlatform("windows")]
public sealed class OwnCredentialsTests : IDisposable
{
    private readonly string home = Directory.CreateTempSubdirectory("expocluster-own-").FullName;
    private readonly ManualClock clock = new();

    private string Kept => Path.Join(home, "credentials");

    public void Dispose() => Directory.Delete(home, recursive: true);

    [Fact]
    public void All_nodes_of_a_user_show_the_same_certificate()
    {
        NodeCertificate first = Made();
        NodeCertificate second = Made();

        Assert.Equal(first.Own.Thumbprint, second.Own.Thumbprint);
        Assert.Null(CertificateRules.WhyRefused(second.Own, [], first.Authorities, clock.GetUtcNow()));
    }

    [Fact]
    public void Nobody_else_may_look_into_the_directory()
    {
        Made();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Kept));
        Assert.All(["node.key", "ca.key"], name => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Join(Kept, name))));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherExecute)]
    public void A_directory_that_others_can_enter_proves_nothing(UnixFileMode open)
    {
        Directory.CreateDirectory(Kept);
        File.SetUnixFileMode(Kept, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | open);

        Assert.Equal(CredentialsException.Impossible, Assert.Throws<CredentialsException>(Made).Code);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Kept));
    }

    [Fact]
    public void A_certificate_is_renewed_half_a_year_before_its_end_by_the_same_authority()
    {
        NodeCertificate first = Made();
        clock.Advance(TimeSpan.FromDays(730 - 181));
        Assert.Equal(first.Own.Thumbprint, Made().Own.Thumbprint);
        clock.Advance(TimeSpan.FromDays(2));

        NodeCertificate renewed = Made();

        Assert.NotEqual(first.Own.Thumbprint, renewed.Own.Thumbprint);
        Assert.Null(CertificateRules.WhyRefused(renewed.Own, [], first.Authorities, clock.GetUtcNow()));
    }

    [Fact]
    public void A_certificate_that_has_expired_is_renewed()
    {
        Made();
        clock.Advance(TimeSpan.FromDays(1000));

        Assert.Null(CertificateRules.WhyRefused(Made().Own, [], Made().Authorities, clock.GetUtcNow()));
    }

    private NodeCertificate Made() => new OwnCredentials(Kept, clock).Certificate();
}
