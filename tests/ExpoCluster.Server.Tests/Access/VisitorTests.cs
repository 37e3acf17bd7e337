using ExpoCluster.Server.Access;

namespace ExpoCluster.Server.Tests.Access;

public sealed class VisitorTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void What_is_known_of_somebody_is_known_to_his_pages_too()
    {
        var visitor = new Visitor("ada", AccessRole.Operator) { Subject = "0f3a", End = Noon };

        Assert.Equal(visitor, Visitor.Of(visitor.ToPrincipal("Bearer")));
    }

    [Fact]
    public void Whoever_has_no_role_is_known_without_one() => Assert.Null(Visitor.Of(new Visitor("ada", Role: null).ToPrincipal("Bearer")).Role);

    [Fact]
    public void A_page_is_over_with_its_token()
    {
        var visitor = new Visitor("ada", AccessRole.Reader) { End = Noon };

        Assert.False(visitor.IsOver(Noon.AddSeconds(-1)));
        Assert.True(visitor.IsOver(Noon));
        Assert.False((visitor with { End = null }).IsOver(DateTimeOffset.MaxValue));
    }

    [Theory]
    [InlineData("ada\r\n12:00 info Audit: job-submitted by root", "ada12:00 info Audit: job-submitted by root")]
    [InlineData("a\u001b[2Jb", "a[2Jb")]
    public void A_name_is_one_line_whoever_chose_it(string name, string plain) => Assert.Equal(plain, Visitor.Plain(name));

    [Fact]
    public void A_name_has_an_end() => Assert.Equal(101, Visitor.Plain(new string('x', 1000)).Length);
}
