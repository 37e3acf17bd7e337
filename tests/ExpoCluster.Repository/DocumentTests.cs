using System.CommandLine;
using System.Text.RegularExpressions;
using ExpoCluster.Cli.Commands;

namespace ExpoCluster.Repository;

/// <summary>What the documents say is so.</summary>
public sealed partial class DocumentTests
{
    public static TheoryData<string> ReadmeCommands =>
        [.. Commands(Tree.Read("README.md")), .. Commands(Tree.Read("k8s/README.md"))];

    [Theory]
    [MemberData(nameof(ReadmeCommands))]
    public void A_command_of_a_README_exists(string command)
    {
        string[] arguments = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        ParseResult parsed = ExpoClusterCommand.Create().Parse(arguments);

        Assert.Empty(parsed.Errors.Select(error => error.Message));
        Assert.DoesNotContain(arguments, argument => argument.StartsWith("--", StringComparison.Ordinal) && parsed.UnmatchedTokens.Contains(argument));
    }

    [Fact]
    public void The_README_names_some_commands() => Assert.True(Commands(Tree.Read("README.md")).Count() >= 6);

    [Fact]
    public void Every_error_code_has_its_row_and_every_row_its_code()
    {
        SortedSet<string> inSources = [.. Tree.Sources.SelectMany(source => ErrorCode().Matches(File.ReadAllText(source)).Select(match => match.Value))];
        string[] rows = [.. ErrorRow().Matches(Tree.Read("docs/errors.md")).Select(match => match.Groups[1].Value)];

        Assert.Equal(rows.Length, rows.Distinct().Count());
        Assert.Equal(inSources, new SortedSet<string>(rows));
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("CHANGELOG.md")]
    [InlineData("CONTRIBUTING.md")]
    [InlineData("LICENSE")]
    [InlineData("docs/api.md")]
    [InlineData("docs/checkpoints.md")]
    [InlineData("docs/architecture.md")]
    [InlineData("docs/cluster.md")]
    [InlineData("docs/dashboard.md")]
    [InlineData("docs/formats.md")]
    [InlineData("docs/hub.md")]
    [InlineData("docs/errors.md")]
    [InlineData("docs/observability.md")]
    [InlineData("docs/operations.md")]
    [InlineData("docs/recipes.md")]
    [InlineData("docs/security.md")]
    [InlineData("SECURITY.md")]
    [InlineData("k8s/README.md")]
    public void The_document_is_there(string path) => Assert.True(new FileInfo(Path.Join(Tree.Root, path)).Length > 200);

    [Fact]
    public void Links_between_documents_lead_somewhere()
    {
        string[] documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "k8s/README.md", .. Directory.EnumerateFiles(Path.Join(Tree.Root, "docs"), "*.md").Select(path => Path.GetRelativePath(Tree.Root, path))];

        foreach (string document in documents)
        {
            IEnumerable<string> targets = Link().Matches(Tree.Read(document)).Select(match => match.Groups[1].Value.Split('#')[0])
                .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal));
            string directory = Path.GetDirectoryName(Path.Join(Tree.Root, document))!;
            Assert.All(targets, target => Assert.True(Path.Exists(Path.Join(directory, target)), $"{document}: {target}"));
        }
    }

    // Lines of code blocks that run the program, under its name or its path, here or in a container.
    private static IEnumerable<string> Commands(string markdown) => CodeBlock().Matches(markdown)
        .SelectMany(block => block.Groups[1].Value.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n'))
        .SelectMany(line => line.Split("&&"))
        .Select(command => ProgramCall().Match(command.Trim()))
        .Where(call => call.Success)
        .Select(call => call.Groups[1].Value.Split('#')[0].Trim());

    [GeneratedRegex(@"EXPO\d{4}")]
    private static partial Regex ErrorCode();

    [GeneratedRegex(@"^\| (EXPO\d{4}) \|", RegexOptions.Multiline)]
    private static partial Regex ErrorRow();

    [GeneratedRegex("```(?:sh|bash|console)\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"^(?:\$ )?(?:docker compose exec \S+ |kubectl -n \S+ exec \S+ -- )?(?:\S*/)?expocluster (.+)$")]
    private static partial Regex ProgramCall();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
