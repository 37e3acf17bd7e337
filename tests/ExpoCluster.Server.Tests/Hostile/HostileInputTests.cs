using System.Text.RegularExpressions;
using ExpoCluster.Repository;

namespace ExpoCluster.Server.Tests.Hostile;

/// <summary>Whatever is sent, a node refuses it in so many words, and goes on.</summary>
public sealed partial class HostileInputTests(HostileScene scene) : IClassFixture<HostileScene>
{
    public static TheoryData<string> Names => [.. HostileInput.All.Select(input => input.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task It_is_refused_in_so_many_words(string name)
    {
        HostileInput input = HostileInput.All.Single(input => input.Name == name);

        Assert.Equal(input.Refusal, await input.TryAsync(scene));

        Assert.Equal(200, (await scene.GetAsync("/health/ready")).Status);
        Assert.False(Directory.Exists(Path.Join(scene.Root, "out")));
    }

    [Fact]
    public void The_document_has_the_same_table() => Assert.Equal(
        HostileInput.All.Select(input => $"| {input.Name} | {input.Refusal} |"),
        Row().Matches(Tree.Read("docs/security.md")).Select(match => match.Value));

    [GeneratedRegex(@"^\| [^|\n]+ \| (?:exit )?\d+ (?:EXPO\d{4}|no body) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
