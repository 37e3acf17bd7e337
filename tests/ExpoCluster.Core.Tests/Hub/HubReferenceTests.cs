using ExpoCluster.Core.Hub;

namespace ExpoCluster.Core.Tests.Hub;

public sealed class HubReferenceTests
{
    private const string Sha = "0123456789abcdef0123456789abcdef01234567";

    [Theory]
    [InlineData("hf:mistralai/Mistral-7B-v0.1", "mistralai/Mistral-7B-v0.1", null, "main")]
    [InlineData("hf:gpt2", "gpt2", null, "main")]
    [InlineData("hf:org/name@v1.0", "org/name", "v1.0", "v1.0")]
    [InlineData("hf:org/name@refs/pr/12", "org/name", "refs/pr/12", "refs/pr/12")]
    public void Model_and_revision_are_read(string text, string repository, string? revision, string asked)
    {
        HubReference reference = HubReference.Parse(text);

        Assert.Equal((repository, revision, asked, false), (reference.Repository, reference.Revision, reference.RevisionOrDefault, reference.IsPinned));
        Assert.Equal(text, reference.ToString());
    }

    [Theory]
    [InlineData(Sha, true)]
    [InlineData("0123456789abcdef", false)]
    [InlineData("0123456789ABCDEF0123456789ABCDEF01234567", false)]
    public void Only_forty_lower_case_digits_are_a_commit(string revision, bool isPinned) =>
        Assert.Equal(isPinned, HubReference.Parse("hf:org/name@" + revision).IsPinned);

    [Theory]
    [InlineData("hf:")]
    [InlineData("hf:/name")]
    [InlineData("hf:org/")]
    [InlineData("hf:org/name/file")]
    [InlineData("hf:org/na me")]
    [InlineData("hf:org/na--me")]
    [InlineData("hf:../name")]
    [InlineData("hf:org/..")]
    [InlineData("hf:org/name.git")]
    [InlineData("hf:org/-name")]
    [InlineData("hf:org/name@")]
    [InlineData("hf:org/name@../../x")]
    [InlineData("hf:org/name@a b")]
    [InlineData("hf:org/name@a//b")]
    [InlineData("hf:org/name@a\\b")]
    [InlineData("hf:org/name@/a")]
    [InlineData("hf:org/name@a\n")]
    [InlineData("hf:org/naïve")]
    public void What_the_Hub_would_not_accept_is_refused(string text)
    {
        HubException refusal = Assert.Throws<HubException>(() => HubReference.Parse(text));

        Assert.Equal(HubErrors.Malformed, refusal.Code);
        Assert.Contains("hf:org/name", refusal.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_of_more_than_96_characters_is_refused()
    {
        Assert.Equal("org/" + new string('n', 96), HubReference.Parse("hf:org/" + new string('n', 96)).Repository);
        Assert.Throws<HubException>(() => HubReference.Parse("hf:org/" + new string('n', 97)));
    }
}
