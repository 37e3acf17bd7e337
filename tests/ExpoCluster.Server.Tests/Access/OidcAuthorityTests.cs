using ExpoCluster.Server.Access;

namespace ExpoCluster.Server.Tests.Access;

public sealed class OidcAuthorityTests
{
    [Fact]
    public void An_authority_and_an_audience_are_enough()
    {
        OidcAuthority authority = OidcAuthority.Parse("https://id.example.org/realms/models, expocluster", out _)!;

        Assert.Equal(("https://id.example.org/realms/models", "expocluster"), (authority.Address.ToString(), authority.Audience));
        Assert.Equal(["roles", "role", "groups"], authority.RoleClaims.ToArray());
        Assert.Equal(AccessRole.Operator, authority.RoleOf(["expocluster-reader", "expocluster-operator"]));
        Assert.Equal(AccessRole.Reader, authority.RoleOf(["a", "expocluster-reader"]));
        Assert.Null(authority.RoleOf(["operator", "reader", "Expocluster-Operator"]));
    }

    [Fact]
    public void The_words_and_the_claim_can_be_chosen()
    {
        OidcAuthority authority = OidcAuthority.Parse("https://id.example.org,api://models,roles=https://example.org/teams,operator=ml,reader=all staff", out _)!;

        Assert.Equal(["https://example.org/teams"], authority.RoleClaims.ToArray());
        Assert.Equal(AccessRole.Operator, authority.RoleOf(["ml"]));
        Assert.Equal(AccessRole.Reader, authority.RoleOf(["all staff"]));
        Assert.Null(authority.RoleOf(["expocluster-operator"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("https://id.example.org")]
    [InlineData("https://id.example.org,")]
    [InlineData("id.example.org,expocluster")]
    [InlineData("ftp://id.example.org,expocluster")]
    [InlineData("https://id.example.org?x=1,expocluster")]
    [InlineData("https://id.example.org,expocluster,more")]
    [InlineData("https://id.example.org,expocluster,operator=")]
    [InlineData("https://id.example.org,expocluster,admin=x")]
    public void What_is_not_of_the_form_is_refused_with_the_reason(string text)
    {
        Assert.Null(OidcAuthority.Parse(text, out string why));

        Assert.NotEmpty(why);
    }
}
