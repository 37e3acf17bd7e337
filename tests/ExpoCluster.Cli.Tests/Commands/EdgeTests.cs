using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ExpoCluster.Cli.Tests.Commands;

/// <summary>One class opens the standard streams, and nobody goes round it.</summary>
public sealed partial class EdgeTests
{
    [Fact]
    public void Nothing_is_drawn_or_written_past_the_terminal()
    {
        string sources = Path.GetFullPath(Path.Join(Path.GetDirectoryName(Here()), "..", "..", "..", "src"));
        string[] strays =
        [
            .. Directory.EnumerateFiles(sources, "*.cs", SearchOption.AllDirectories)
                .Where(path => Path.GetFileName(path) is not ("Terminal.cs" or "StandardStream.cs") && RoundAbout().IsMatch(File.ReadAllText(path))),
        ];

        Assert.Empty(strays);
    }

    private static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"AnsiConsole\.(Console|Create|Write|Markup|Profile|Live|Progress)|Console\.(OpenStandard|SetOut|SetError|Write)|\.MarkupLine\(")]
    private static partial Regex RoundAbout();
}
